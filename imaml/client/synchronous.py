"""The client that waits for its answers."""

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from imaml.client import calls
from imaml.client.answers import (
    Adaptation,
    BatchPrediction,
    Episode,
    Evaluation,
    Experiment,
    ExperimentDetail,
    ExperimentFacets,
    ExperimentPage,
    Job,
    LabelledExample,
    Limits,
    MetricPoint,
    Model,
    Page,
    Prediction,
)
from imaml.client.calls import Call, ExperimentConditions
from imaml.client.exchange import Attempt, Exchange, Steps
from imaml.client.retrying import Outcome
from imaml.client.sending import AdaptationOptions, Examples, File, Image, Inputs, as_list

Result = TypeVar("Result")
Item = TypeVar("Item")


class Client:
    """Calls to one service; a context manager, and safe to share between threads.

    `url` and `api_key` are by default what `IMAML_API_URL` and `IMAML_API_KEY` say; `timeout` is how many
    seconds the service may be silent.

    A call is made again, up to `retries` times, where the service is busy (429, 503) or cannot be connected
    to; where the connection breaks, only if the call does no more when it arrives twice. The client waits a
    quarter of a second, then twice as long each time, or a little longer than the service asks. It does not
    wait for a quota that is used up, nor where it is asked to for more than a minute: ApiError is raised at
    once.

    Every method raises ApiError where the service refuses, ApiUnreachable where it does not answer, and
    ClientError, their base, where what answers is another service. What cannot be sent, such as NaN or a key
    that no header can carry, raises InvalidArgument, a ClientError and a ValueError, and nothing is sent; a
    file that cannot be read raises OSError.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._exchange = Exchange(url, api_key, timeout, retries)
        self.url = self._exchange.url
        self._http = httpx.Client(**self._exchange.options, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def health(self) -> None:
        """Return if the service answers."""
        self._answer(calls.health())

    def limits(self) -> Limits:
        """Return the limits in force."""
        return self._answer(calls.limits())

    def models(self, *, name: str | None = None, experiment_id: str | None = None) -> list[Model]:
        """Return all models, own and shared, newest first: of that name, made by that experiment, or all."""
        return self._all(calls.models(name=name, experiment_id=experiment_id))

    def model(self, reference: str) -> Model:
        """Return the model that an id, a name, `name@alias` or `name:version` stands for."""
        return self._answer(calls.model(reference))

    def set_alias(self, reference: str, alias: str) -> Model:
        """Let `name@alias` stand for that model from now on, and return it.

        What a name alone stands for is its alias "champion", or else its newest version.
        """
        return self._answer(calls.set_alias(reference, alias))

    def bundle(self, reference: str) -> bytes:
        """Return the model as the bytes of an `.imaml` file."""
        return self._answer(calls.bundle(reference))

    def upload_model(self, bundle: File, name: str | None = None) -> Model:
        """Store an `.imaml` file as a new version, by default of the name it has inside, and return it."""
        return self._answer(calls.upload_model(bundle, name))

    def episode(
        self, reference: str, *, ways: int = 5, shots: int = 1, queries: int = 3, seed: int = 0
    ) -> Episode:
        """Return a task drawn from the examples that are stored with a model; one seed draws the same.

        It has `ways` classes, each with `shots` examples to learn from and `queries` to ask about.
        """
        return self._answer(calls.episode(reference, ways=ways, shots=shots, queries=queries, seed=seed))

    def experiments(self, **conditions: Unpack[ExperimentConditions]) -> list[Experiment]:
        """Return all experiments that meet every condition of ExperimentConditions that is given."""
        return self._all(calls.experiments(**conditions))

    def experiments_page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        sparkline: int | None = None,
        **conditions: Unpack[ExperimentConditions],
    ) -> ExperimentPage:
        """Return up to `limit` such experiments, after the cursor that the page before ended with.

        `sparkline` asks for about so many points of the validation accuracy of each.
        """
        asked = {"cursor": cursor, "limit": limit, "sparkline": sparkline}
        return self._answer(calls.experiments(**asked, **conditions))

    def experiment_facets(self) -> ExperimentFacets:
        """Return every value that the experiments have, of what their list can be asked for."""
        return self._answer(calls.experiment_facets())

    def experiment(self, experiment_id: str) -> ExperimentDetail:
        """Return one experiment with its configuration, provenance and split."""
        return self._answer(calls.experiment(experiment_id))

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        archived: bool | None = None,
    ) -> ExperimentDetail:
        """Change what is given, and return the experiment as it is then."""
        return self._answer(
            calls.update_experiment(experiment_id, name=name, tags=tags, notes=notes, archived=archived)
        )

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment with its metrics and evaluations; its models stay."""
        self._answer(calls.delete_experiment(experiment_id))

    def metrics(
        self,
        experiment_id: str,
        names: Sequence[str] | None = None,
        points: int | None = None,
        *,
        first_step: int | None = None,
        last_step: int | None = None,
    ) -> dict[str, list[MetricPoint]]:
        """Return the curves of an experiment by name, those of `names` or all, between two meta-steps.

        Each is thinned out to about `points`, of which the service has a default.
        """
        bounds = {"points": points, "first_step": first_step, "last_step": last_step}
        return self._answer(calls.metrics(experiment_id, names, **bounds))

    def evaluations(self, experiment_id: str, *, accuracies: bool = False) -> list[Evaluation]:
        """Return the evaluations of an experiment, newest first, with each episode's accuracy if asked."""
        return self._all(calls.evaluations(experiment_id, accuracies))

    def preprocess(self, image: Image, model: str | None = None) -> bytes:
        """Return an image as a model sees it, as a PNG file; without a model, as those on drawings do."""
        return self._answer(calls.preprocess(image, model))

    def adapt(
        self,
        model: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Adaptation:
        """Teach a model from examples, and return what it learned.

        Images are paths, bytes of image files, PIL images or arrays of uint8; vectors are any sequences of
        numbers. Sent again with the same key, by default one of this call alone, the same request is answered
        with the same adaptation, for a day. `options` are those of AdaptationOptions.

            client.adapt("starter", {"cat": ["cat1.png", "cat2.png"], "dog": [photo]}, name="pets")
            client.adapt("starter-vectors", [([0.1, 2.5], "sick"), ([0.3, 1.9], "well")], max_steps=20)

        Raises TypeError for one image where a list of them belongs, and for examples that are no pairs.
        """
        return self._answer(calls.adapt(model, examples, idempotency_key, options))

    def submit(
        self,
        model: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Job:
        """Have a model taught from examples, and return at once the job that does it; otherwise as `adapt`.

        job = client.submit("starter", examples)
        adaptation = client.wait(job.id)
        """
        return self._answer(calls.submit(model, examples, idempotency_key, options))

    def job(self, job_id: str) -> Job:
        """Return how far a job is; the service knows it for a day after its end."""
        return self._answer(calls.job(job_id))

    def wait(self, job_id: str, *, timeout: float = 600) -> Adaptation:
        """Return what a job has made, once it has.

        Raises ApiError with the job's problem if it failed, and ClientError if it goes on for `timeout`
        seconds, or if what it made has been deleted.
        """
        return self._run(self._exchange.ended(job_id, timeout))

    def add_examples(
        self,
        adaptation_id: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Adaptation:
        """Return a new adaptation, made from the stored examples of another and more; otherwise as `adapt`.

        The examples are of the same classes or of new ones; the recipe, the name and the time of expiry are
        those of the other, but for `options`. Raises ApiError where its examples were not stored.
        """
        return self._answer(calls.add_examples(adaptation_id, examples, idempotency_key, options))

    def submit_examples(
        self,
        adaptation_id: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Job:
        """Have an adaptation extended, and return at once the job that does it.

        Otherwise as `add_examples`.
        """
        return self._answer(calls.submit_examples(adaptation_id, examples, idempotency_key, options))

    def adaptations(self, *, model: str | None = None) -> list[Adaptation]:
        """Return all adaptations, of a version of a model or of all models, newest first."""
        return self._all(calls.adaptations(model=model))

    def adaptations_page(
        self, *, model: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Adaptation]:
        """Return up to `limit` of them, after the cursor that the page before ended with."""
        return self._answer(calls.adaptations(model=model, cursor=cursor, limit=limit))

    def adaptation(self, adaptation_id: str) -> Adaptation:
        """Return one adaptation."""
        return self._answer(calls.adaptation(adaptation_id))

    def delete_adaptation(self, adaptation_id: str) -> None:
        """Forget an adaptation, its parameters and its examples."""
        self._answer(calls.delete_adaptation(adaptation_id))

    def refine_threshold(self, adaptation_id: str) -> Adaptation:
        """Fit the threshold for unknown queries to the stored examples, two or more of each class.

        Returns the adaptation with it.
        """
        return self._answer(calls.refine_threshold(adaptation_id))

    def examples(self, adaptation_id: str, *, margins: bool = False) -> list[LabelledExample]:
        """Return the examples that an adaptation learned from, as the model saw them.

        With `margins`, each is answered by what is learned from the others: below 0 it looks mislabelled. One
        that is alone in its class has no margin.
        """
        return self._all(calls.examples(adaptation_id, margins))

    def export(self, adaptation_id: str) -> bytes:
        """Return an adapted model to take away: a zip with an ONNX model, its labels and what it takes.

        Path("pets.zip").write_bytes(client.export(adaptation.id))
        """
        return self._answer(calls.export(adaptation_id))

    def predict(self, adaptation_id: str, inputs: Inputs) -> list[Prediction]:
        """Classify images or vectors, each on its own, in the order given; as many as the limits allow.

        Raises ClientError where the adaptation answers numbers, TypeError for one image instead of a list.
        """
        listed = as_list(inputs)
        return self._answer(calls.predict(adaptation_id, listed)) if listed else []

    def predict_numbers(self, adaptation_id: str, inputs: Inputs) -> list[float]:
        """Return the number that belongs to each input, in the order given; as many as the limits allow.

        Raises ClientError where the adaptation tells classes apart.
        """
        listed = as_list(inputs)
        return self._answer(calls.predict_numbers(adaptation_id, listed)) if listed else []

    def predict_batch(self, adaptation_id: str, archive: File) -> Generator[BatchPrediction]:
        """Yield the answers to the images of a zip as they come, a problem for each that cannot be read.

        The zip is sent when the first answer is asked for. Close the generator to go without the rest.

            for answer in client.predict_batch(adaptation.id, "photos.zip"):
                print(answer.filename, answer.prediction or answer.problem)
        """
        response = self._answer(calls.predict_batch(adaptation_id, archive))
        with closing(response), self._exchange.explained():
            lines = calls.BatchLines()
            for piece in response.iter_bytes():
                yield from lines.feed(piece)
            yield from lines.end()

    def _answer(self, call: Call[Result]) -> Result:
        return self._run(self._exchange.answer(call))

    def _all(self, call: Call[Page[Item]]) -> list[Item]:
        return self._run(self._exchange.all(call))

    def _run(self, steps: Steps[Result]) -> Result:
        try:
            attempt = next(steps)
            while True:
                attempt = steps.send(self._make(attempt))
        except StopIteration as end:
            return end.value

    def _make(self, attempt: Attempt) -> Outcome:
        call = attempt.call
        if attempt.after:
            time.sleep(attempt.after)
        request = self._exchange.request(self._http, call)
        try:
            response = self._http.send(request, stream=call.streamed)
            if not response.is_success:
                response.read()
        except httpx.TransportError as error:
            return error
        return response
