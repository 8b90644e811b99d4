"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import ParamSpec, Self, TypeVar, Unpack

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
Given = ParamSpec("Given")


class AsyncClient:
    """Calls to one service from one event loop; an asynchronous context manager.

    Every method is the one of Client, where it is described in full, and its answer is awaited; those of
    `predict_batch` are iterated over with `async for`. Files are read and images are encoded in threads, and
    the loop goes on meanwhile.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._exchange = Exchange(url, api_key, timeout, retries)
        self.url = self._exchange.url
        self._http = httpx.AsyncClient(**self._exchange.options, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def health(self) -> None:
        """Return if the service answers."""
        await self._answer(calls.health())

    async def limits(self) -> Limits:
        """Return the limits in force."""
        return await self._answer(calls.limits())

    async def models(self, *, name: str | None = None, experiment_id: str | None = None) -> list[Model]:
        """Return all models, own and shared, newest first: of that name, made by that experiment, or all."""
        return await self._all(calls.models(name=name, experiment_id=experiment_id))

    async def model(self, reference: str) -> Model:
        """Return the model that an id, a name, `name@alias` or `name:version` stands for."""
        return await self._answer(calls.model(reference))

    async def set_alias(self, reference: str, alias: str) -> Model:
        """Let `name@alias` stand for that model from now on, and return it."""
        return await self._answer(calls.set_alias(reference, alias))

    async def bundle(self, reference: str) -> bytes:
        """Return the model as the bytes of an `.imaml` file."""
        return await self._answer(calls.bundle(reference))

    async def upload_model(self, bundle: File, name: str | None = None) -> Model:
        """Store an `.imaml` file as a new version, by default of the name it has inside, and return it."""
        return await self._read(calls.upload_model, bundle, name)

    async def episode(
        self, reference: str, *, ways: int = 5, shots: int = 1, queries: int = 3, seed: int = 0
    ) -> Episode:
        """Return a task drawn from the examples that are stored with a model; one seed draws the same."""
        return await self._answer(
            calls.episode(reference, ways=ways, shots=shots, queries=queries, seed=seed)
        )

    async def experiments(self, **conditions: Unpack[ExperimentConditions]) -> list[Experiment]:
        """Return all experiments that meet every condition of ExperimentConditions that is given."""
        return await self._all(calls.experiments(**conditions))

    async def experiments_page(
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
        return await self._answer(calls.experiments(**asked, **conditions))

    async def experiment_facets(self) -> ExperimentFacets:
        """Return every value that the experiments have, of what their list can be asked for."""
        return await self._answer(calls.experiment_facets())

    async def experiment(self, experiment_id: str) -> ExperimentDetail:
        """Return one experiment with its configuration, provenance and split."""
        return await self._answer(calls.experiment(experiment_id))

    async def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        archived: bool | None = None,
    ) -> ExperimentDetail:
        """Change what is given, and return the experiment as it is then."""
        return await self._answer(
            calls.update_experiment(experiment_id, name=name, tags=tags, notes=notes, archived=archived)
        )

    async def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment with its metrics and evaluations; its models stay."""
        await self._answer(calls.delete_experiment(experiment_id))

    async def metrics(
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
        return await self._answer(calls.metrics(experiment_id, names, **bounds))

    async def evaluations(self, experiment_id: str, *, accuracies: bool = False) -> list[Evaluation]:
        """Return the evaluations of an experiment, newest first, with each episode's accuracy if asked."""
        return await self._all(calls.evaluations(experiment_id, accuracies))

    async def preprocess(self, image: Image, model: str | None = None) -> bytes:
        """Return an image as a model sees it, as a PNG file; without a model, as those on drawings do."""
        return await self._read(calls.preprocess, image, model)

    async def adapt(
        self,
        model: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Adaptation:
        """Teach a model from examples, and return what it learned."""
        return await self._read(calls.adapt, model, examples, idempotency_key, options)

    async def submit(
        self,
        model: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Job:
        """Have a model taught from examples, and return at once the job that does it."""
        return await self._read(calls.submit, model, examples, idempotency_key, options)

    async def job(self, job_id: str) -> Job:
        """Return how far a job is; the service knows it for a day after its end."""
        return await self._answer(calls.job(job_id))

    async def wait(self, job_id: str, *, timeout: float = 600) -> Adaptation:
        """Return what a job has made, once it has."""
        return await self._run(self._exchange.ended(job_id, timeout))

    async def add_examples(
        self,
        adaptation_id: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Adaptation:
        """Return a new adaptation, made from the stored examples of another and more."""
        return await self._read(calls.add_examples, adaptation_id, examples, idempotency_key, options)

    async def submit_examples(
        self,
        adaptation_id: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Job:
        """Have an adaptation extended, and return at once the job that does it."""
        return await self._read(calls.submit_examples, adaptation_id, examples, idempotency_key, options)

    async def adaptations(self, *, model: str | None = None) -> list[Adaptation]:
        """Return all adaptations, of a version of a model or of all models, newest first."""
        return await self._all(calls.adaptations(model=model))

    async def adaptations_page(
        self, *, model: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Adaptation]:
        """Return up to `limit` of them, after the cursor that the page before ended with."""
        return await self._answer(calls.adaptations(model=model, cursor=cursor, limit=limit))

    async def adaptation(self, adaptation_id: str) -> Adaptation:
        """Return one adaptation."""
        return await self._answer(calls.adaptation(adaptation_id))

    async def delete_adaptation(self, adaptation_id: str) -> None:
        """Forget an adaptation, its parameters and its examples."""
        await self._answer(calls.delete_adaptation(adaptation_id))

    async def refine_threshold(self, adaptation_id: str) -> Adaptation:
        """Fit the threshold for unknown queries to the stored examples, two or more of each class."""
        return await self._answer(calls.refine_threshold(adaptation_id))

    async def examples(self, adaptation_id: str, *, margins: bool = False) -> list[LabelledExample]:
        """Return the examples that an adaptation learned from, as the model saw them."""
        return await self._all(calls.examples(adaptation_id, margins))

    async def export(self, adaptation_id: str) -> bytes:
        """Return an adapted model to take away: a zip with an ONNX model, its labels and what it takes."""
        return await self._answer(calls.export(adaptation_id))

    async def predict(self, adaptation_id: str, inputs: Inputs) -> list[Prediction]:
        """Classify images or vectors, each on its own, in the order given; as many as the limits allow."""
        listed = as_list(inputs)
        return await self._read(calls.predict, adaptation_id, listed) if listed else []

    async def predict_numbers(self, adaptation_id: str, inputs: Inputs) -> list[float]:
        """Return the number that belongs to each input, in the order given; as many as the limits allow."""
        listed = as_list(inputs)
        return await self._read(calls.predict_numbers, adaptation_id, listed) if listed else []

    async def predict_batch(self, adaptation_id: str, archive: File) -> AsyncGenerator[BatchPrediction]:
        """Yield the answers to the images of a zip as they come, a problem for each that cannot be read."""
        async with aclosing(await self._read(calls.predict_batch, adaptation_id, archive)) as response:
            with self._exchange.explained():
                lines = calls.BatchLines()
                async for piece in response.aiter_bytes():
                    for answer in lines.feed(piece):
                        yield answer
                for answer in lines.end():
                    yield answer

    async def _read(
        self, make: Callable[Given, Call[Result]], *args: Given.args, **options: Given.kwargs
    ) -> Result:
        """Return what is answered to a call that reads files or encodes images."""
        return await self._answer(await asyncio.to_thread(make, *args, **options))

    async def _answer(self, call: Call[Result]) -> Result:
        return await self._run(self._exchange.answer(call))

    async def _all(self, call: Call[Page[Item]]) -> list[Item]:
        return await self._run(self._exchange.all(call))

    async def _run(self, steps: Steps[Result]) -> Result:
        try:
            attempt = next(steps)
            while True:
                attempt = steps.send(await self._make(attempt))
        except StopIteration as end:
            return end.value

    async def _make(self, attempt: Attempt) -> Outcome:
        call = attempt.call
        if attempt.after:
            await asyncio.sleep(attempt.after)
        request = self._exchange.request(self._http, call)
        try:
            response = await self._http.send(request, stream=call.streamed)
            if not response.is_success:
                await response.aread()
        except httpx.TransportError as error:
            return error
        return response
