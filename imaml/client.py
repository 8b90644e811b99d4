"""The typed HTTP client of the service.

with Client() as client:
    adaptation = client.adapt("starter", {"cat": ["cat1.png"], "dog": ["dog1.png"]})
    [answer] = client.predict(adaptation.id, ["who.png"])
"""

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from imaml.answers import (
    Adaptation,
    AdaptationRecipe,
    Answer,
    Episode,
    Evaluation,
    Experiment,
    ExperimentDetail,
    LabelledExample,
    Limits,
    MetricPoint,
    Metrics,
    Model,
    NumberPrediction,
    Page,
    Prediction,
    Predictions,
    Recipe,
    Solution,
    TracePoint,
)
from imaml.sending import Examples, Image, Input, Inputs, Vector, as_file, as_json, is_image, pairs_of
from imaml.settings import Settings

__all__ = [
    "Adaptation",
    "AdaptationOptions",
    "AdaptationRecipe",
    "ApiError",
    "ApiUnreachable",
    "Client",
    "ClientError",
    "Episode",
    "Evaluation",
    "Examples",
    "Experiment",
    "ExperimentDetail",
    "Image",
    "Input",
    "LabelledExample",
    "Limits",
    "MetricPoint",
    "Model",
    "Prediction",
    "Recipe",
    "Solution",
    "TracePoint",
    "Vector",
]

Kind = TypeVar("Kind", bound=Answer)

_PAGE = 200  # items asked for at once


class ClientError(Exception):
    """A call that came to nothing; the message is a sentence for the user."""


class ApiUnreachable(ClientError):
    """Nothing answers where the service should be."""


class ApiError(ClientError):
    """The service refused; `errors` says by field what is wrong with it."""

    def __init__(self, status: int, type_: str, title: str, detail: str, errors: dict[str, str]) -> None:
        super().__init__(detail)
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.errors = errors


class AdaptationOptions(TypedDict, total=False):
    """How to adapt, and what to keep; what is left out of the recipe is as the model has it."""

    name: str | None
    ttl_seconds: int | None
    store_examples: bool
    lam: float | None
    solver: str | None
    inner_lr: float | None
    max_steps: int | None
    tolerance: float | None
    deadline_ms: int | None


class Client:
    """Calls to one service; a context manager, and safe to share between threads.

    Every method raises ApiError or ApiUnreachable.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = Settings()
        self.url = (url or settings.api_url).rstrip("/")
        key = api_key or (settings.api_key and settings.api_key.get_secret_value())
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=timeout,
            transport=transport,
            # A proxy that the environment names would look for the service on its own machine.
            trust_env=not _is_loopback(httpx.URL(self.url).host),
        )

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
        self._send("GET", "/healthz")

    def limits(self) -> Limits:
        """Return the limits in force."""
        return self._get(Limits, "/v1/limits")

    def models(self) -> list[Model]:
        """Return all models, newest first."""
        return self._all(Model, "/v1/models")

    def model(self, reference: str) -> Model:
        """Return the model that an id, a name, `name@alias` or `name:version` stands for."""
        return self._get(Model, f"/v1/models/{_part(reference)}")

    def set_alias(self, reference: str, alias: str) -> Model:
        """Let `name@alias` stand for that model from now on."""
        response = self._send("PUT", f"/v1/models/{_part(reference)}/aliases/{_part(alias)}")
        return self._read(Model, response)

    def bundle(self, reference: str) -> bytes:
        """Return the model as the bytes of an `.imaml` file."""
        return self._send("GET", f"/v1/models/{_part(reference)}/bundle").content

    def upload_model(self, bundle: str | Path | bytes, name: str | None = None) -> Model:
        """Store an `.imaml` file as a new version, by default of the name it has inside."""
        data = bundle if isinstance(bundle, bytes) else Path(bundle).read_bytes()
        headers = {"Content-Type": "application/zip"}
        response = self._send("POST", "/v1/models", params=_given(name=name), content=data, headers=headers)
        return self._read(Model, response)

    def episode(
        self, reference: str, *, ways: int = 5, shots: int = 1, queries: int = 3, seed: int = 0
    ) -> Episode:
        """Draw a task from the example images that are stored with a model."""
        params = _given(ways=ways, shots=shots, queries=queries, seed=seed)
        return self._get(Episode, f"/v1/models/{_part(reference)}/episode", params)

    def experiments(
        self,
        *,
        status: str | None = None,
        algorithm: str | None = None,
        dataset: str | None = None,
        tag: str | None = None,
        q: str | None = None,
        archived: bool = False,
        sort: str = "-created",
    ) -> list[Experiment]:
        """Return all experiments that meet every condition given; `q` is part of the name or the notes."""
        conditions = _given(status=status, algorithm=algorithm, dataset=dataset, tag=tag, q=q)
        return self._all(Experiment, "/v1/experiments", {**conditions, "archived": archived, "sort": sort})

    def experiment(self, experiment_id: str) -> ExperimentDetail:
        """Return one experiment with its configuration, provenance and split."""
        return self._get(ExperimentDetail, f"/v1/experiments/{_part(experiment_id)}")

    def update_experiment(
        self,
        experiment_id: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        archived: bool | None = None,
    ) -> ExperimentDetail:
        """Change what is given."""
        changes = _given(name=name, tags=tags, notes=notes, archived=archived)
        response = self._send("PATCH", f"/v1/experiments/{_part(experiment_id)}", json=changes)
        return self._read(ExperimentDetail, response)

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment with its metrics and evaluations."""
        self._send("DELETE", f"/v1/experiments/{_part(experiment_id)}")

    def metrics(
        self, experiment_id: str, names: Sequence[str] | None = None, points: int | None = None
    ) -> dict[str, list[MetricPoint]]:
        """Return the curves of an experiment by name, each thinned out to about `points`."""
        params = _given(names=names, points=points)
        return self._get(Metrics, f"/v1/experiments/{_part(experiment_id)}/metrics", params).metrics

    def evaluations(self, experiment_id: str, *, accuracies: bool = False) -> list[Evaluation]:
        """Return the evaluations of an experiment, newest first, with each episode's accuracy if asked."""
        path = f"/v1/experiments/{_part(experiment_id)}/evaluations"
        return self._all(Evaluation, path, {"accuracies": accuracies})

    def preprocess(self, image: Image, model: str | None = None) -> bytes:
        """Return an image as a model sees it, a PNG; without one, as models on drawings do."""
        files = [("image", as_file(image))]
        return self._send("POST", "/v1/preprocess", data=_given(model=model), files=files).content

    def adapt(
        self,
        model: str,
        examples: Examples,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[AdaptationOptions],
    ) -> Adaptation:
        """Teach a model from examples.

        Sent again with the same key, the same request is answered with the same adaptation.
        """
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._teach("/v1/adaptations", {"model": model}, examples, options, headers)

    def add_examples(
        self, adaptation_id: str, examples: Examples, **options: Unpack[AdaptationOptions]
    ) -> Adaptation:
        """Make a new adaptation from the stored examples of another and more."""
        return self._teach(f"/v1/adaptations/{_part(adaptation_id)}/examples", {}, examples, options)

    def adaptations(self) -> list[Adaptation]:
        """Return all adaptations, newest first."""
        return self._all(Adaptation, "/v1/adaptations")

    def adaptation(self, adaptation_id: str) -> Adaptation:
        """Return one adaptation."""
        return self._get(Adaptation, f"/v1/adaptations/{_part(adaptation_id)}")

    def delete_adaptation(self, adaptation_id: str) -> None:
        """Forget an adaptation, its parameters and its examples."""
        self._send("DELETE", f"/v1/adaptations/{_part(adaptation_id)}")

    def refine_threshold(self, adaptation_id: str) -> Adaptation:
        """Fit the threshold for unknown queries to the stored examples, two or more of each class."""
        path = f"/v1/adaptations/{_part(adaptation_id)}/unknown-threshold"
        return self._read(Adaptation, self._send("POST", path))

    def examples(self, adaptation_id: str, *, margins: bool = False) -> list[LabelledExample]:
        """Return the examples that an adaptation learned from, as the model saw them.

        With `margins`, each is answered by what is learned from the others: below 0 it looks mislabelled.
        """
        params = {"margins": True} if margins else None
        return self._all(LabelledExample, f"/v1/adaptations/{_part(adaptation_id)}/examples", params)

    def predict(self, adaptation_id: str, inputs: Inputs) -> list[Prediction]:
        """Classify images or vectors, each on its own, in the order given; as many as the limits allow.

        Raises ClientError where the adaptation answers numbers.
        """
        answers = self._predict(adaptation_id, inputs)
        predictions = [answer for answer in answers if isinstance(answer, Prediction)]
        if len(predictions) < len(answers):
            raise ClientError(f"Adaptation {adaptation_id} answers numbers; ask with predict_numbers.")
        return predictions

    def predict_numbers(self, adaptation_id: str, inputs: Inputs) -> list[float]:
        """Return the number that belongs to each input, in the order given.

        Raises ClientError where the adaptation tells classes apart.
        """
        answers = self._predict(adaptation_id, inputs)
        numbers = [answer.value for answer in answers if isinstance(answer, NumberPrediction)]
        if len(numbers) < len(answers):
            raise ClientError(f"Adaptation {adaptation_id} tells classes apart; ask with predict.")
        return numbers

    def _predict(self, adaptation_id: str, inputs: Inputs) -> list[Prediction] | list[NumberPrediction]:
        if not len(inputs):
            return []
        path = f"/v1/adaptations/{_part(adaptation_id)}/predictions"
        files = [("images", as_file(given)) for given in inputs if is_image(given)]
        if len(files) == len(inputs):
            response = self._send("POST", path, files=files)
        else:
            response = self._send("POST", path, json={"inputs": [as_json(given) for given in inputs]})
        return self._read(Predictions, response).predictions

    def _teach(
        self,
        path: str,
        fields: dict[str, str],
        examples: Examples,
        options: AdaptationOptions,
        headers: dict[str, str] | None = None,
    ) -> Adaptation:
        pairs = list(pairs_of(examples))
        if not pairs:
            raise ValueError("There are no examples; give some of two classes at least.")
        asked = {**fields, **_given(**options)}
        files = [("examples", as_file(given)) for given, _ in pairs if is_image(given)]
        labels = [target for _, target in pairs if isinstance(target, str)]
        if len(files) == len(labels) == len(pairs):
            data = {**asked, "labels": labels}
            response = self._send("POST", path, data=data, files=files, headers=headers)
        else:
            body = {**asked, "examples": [as_json(given, target) for given, target in pairs]}
            response = self._send("POST", path, json=body, headers=headers)
        return self._read(Adaptation, response)

    def _get(self, kind: type[Kind], path: str, params: Mapping[str, Any] | None = None) -> Kind:
        return self._read(kind, self._send("GET", path, params=params))

    def _all(self, kind: type[Kind], path: str, params: Mapping[str, Any] | None = None) -> list[Kind]:
        items: list[Kind] = []
        cursor: str | None = None
        while True:
            asked = {**(params or {}), "limit": _PAGE, **_given(cursor=cursor)}
            page = self._get(Page[kind], path, asked)
            items += page.items
            cursor = page.next_cursor
            if cursor is None:
                return items

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx.TimeoutException as error:
            raise ApiUnreachable(f"The service at {self.url} took too long to answer; try again.") from error
        except httpx.TransportError as error:
            raise ApiUnreachable(
                f"No service answers at {self.url}; start it with `make up`, "
                "or let IMAML_API_URL say where it runs."
            ) from error
        if not response.is_success:
            raise _error(response)
        return response

    def _read(self, kind: type[Kind], response: httpx.Response) -> Kind:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise ClientError(
                f"What answers at {self.url} is no imaml service, or one of another version; "
                "let IMAML_API_URL say where it runs."
            ) from error


def _error(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
        return ApiError(
            response.status_code, problem["type"], problem["title"], problem["detail"], problem["errors"]
        )
    except (ValueError, TypeError, KeyError):  # a proxy's page, or another service
        status = f"{response.status_code} {response.reason_phrase}".strip()
        detail = f"{response.url} answered {status}."
        return ApiError(response.status_code, "about:blank", response.reason_phrase, detail, {})


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _part(text: str) -> str:
    """Return a name as one part of a path."""
    return quote(text, safe="")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
