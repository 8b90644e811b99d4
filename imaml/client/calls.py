"""The calls of the service: of each what is asked, and how its answer is read.

The clients' methods of the same names say what they are for.
"""
# ruff: noqa: D103

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx

from imaml.client.answers import (
    Adaptation,
    Answer,
    BatchPrediction,
    Episode,
    Evaluation,
    ExperimentDetail,
    ExperimentFacets,
    ExperimentPage,
    Job,
    LabelledExample,
    Limits,
    MetricPoint,
    Metrics,
    Model,
    NumberPrediction,
    Page,
    Prediction,
    Predictions,
)
from imaml.client.errors import ClientError
from imaml.client.sending import (
    AdaptationOptions,
    Examples,
    File,
    Image,
    Inputs,
    as_bytes,
    as_file,
    header,
    lesson,
    questions,
)

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
Kind = TypeVar("Kind", bound=Answer)
Read = Callable[[httpx.Response], Result]

_PAGE = 200  # items asked for at once
_ZIP = {"Content-Type": "application/zip"}
_LATER = {"Prefer": "respond-async"}


class ExperimentConditions(TypedDict, total=False):
    """What experiments are listed, and in which order; what is None or left out is not asked for.

    `q` is part of the name or the notes. Those in the archive are left out, or with `archived` listed alone.
    `sort` is "-created" by default; without the minus it is the other way round.
    """

    status: str | None
    algorithm: str | None
    dataset: str | None
    tag: str | None
    ways: int | None
    shots: int | None
    q: str | None
    archived: bool
    sort: Literal["created", "-created", "name", "-name", "accuracy", "-accuracy"]


@dataclass(frozen=True)
class Call(Generic[Result_co]):
    """One request, and how its answer is read; `request` is what httpx takes beside method and path.

    A `repeatable` one does no more when it arrives twice; the body of a `streamed` answer is yet to come.
    """

    method: str
    path: str
    read: Read[Result_co]
    request: dict[str, Any] = field(default_factory=dict[str, Any])
    repeatable: bool = False
    streamed: bool = False

    def at(self, cursor: str) -> Self:
        """Return the call for another page."""
        return replace(self, request={"params": {**self.request["params"], "cursor": cursor}})


def health() -> Call[None]:
    return _get(_nothing, "/healthz")


def limits() -> Call[Limits]:
    return _get(_as(Limits), "/v1/limits")


def models(**conditions: str | None) -> Call[Page[Model]]:
    return _list(Model, "/v1/models", **conditions)


def model(reference: str) -> Call[Model]:
    return _get(_as(Model), _model(reference))


def set_alias(reference: str, alias: str) -> Call[Model]:
    return Call("PUT", f"{_model(reference)}/aliases/{_part(alias)}", _as(Model), repeatable=True)


def bundle(reference: str) -> Call[bytes]:
    return _get(_content, f"{_model(reference)}/bundle")


def upload_model(bundle: File, name: str | None) -> Call[Model]:
    request = {"params": _given(name=name), "content": as_bytes(bundle), "headers": _ZIP}
    return Call("POST", "/v1/models", _as(Model), request)


def episode(reference: str, **task: int) -> Call[Episode]:
    return _get(_as(Episode), f"{_model(reference)}/episode", **task)


def experiments(**asked: Any) -> Call[ExperimentPage]:
    return _get(_as(ExperimentPage), "/v1/experiments", **{"limit": _PAGE, **asked})


def experiment_facets() -> Call[ExperimentFacets]:
    return _get(_as(ExperimentFacets), "/v1/experiment-facets")


def experiment(experiment_id: str) -> Call[ExperimentDetail]:
    return _get(_as(ExperimentDetail), _experiment(experiment_id))


def update_experiment(experiment_id: str, **changes: Any) -> Call[ExperimentDetail]:
    return Call("PATCH", _experiment(experiment_id), _as(ExperimentDetail), {"json": _given(**changes)})


def delete_experiment(experiment_id: str) -> Call[None]:
    return _delete(_experiment(experiment_id))


def metrics(
    experiment_id: str, names: Sequence[str] | None, **bounds: int | None
) -> Call[dict[str, list[MetricPoint]]]:
    read = _as(Metrics)
    path = f"{_experiment(experiment_id)}/metrics"
    return _get(lambda response: read(response).metrics, path, names=names, **bounds)


def evaluations(experiment_id: str, accuracies: bool) -> Call[Page[Evaluation]]:
    return _list(Evaluation, f"{_experiment(experiment_id)}/evaluations", accuracies=accuracies)


def preprocess(image: Image, model: str | None) -> Call[bytes]:
    request = {"data": {} if model is None else {"model": _name(model)}, "files": [("image", as_file(image))]}
    return Call("POST", "/v1/preprocess", _content, request, repeatable=True)


def adapt(model: str, examples: Examples, key: str | None, options: AdaptationOptions) -> Call[Adaptation]:
    fields = {"model": _name(model), **options}
    return _teach("/v1/adaptations", _as(Adaptation), examples, fields, key)


def submit(model: str, examples: Examples, key: str | None, options: AdaptationOptions) -> Call[Job]:
    fields = {"model": _name(model), **options}
    return _teach("/v1/adaptations", _as(Job), examples, fields, key, _LATER)


def job(job_id: str) -> Call[Job]:
    return _get(_as(Job), f"/v1/jobs/{_part(job_id)}")


def add_examples(
    adaptation_id: str, examples: Examples, key: str | None, options: AdaptationOptions
) -> Call[Adaptation]:
    return _teach(f"{_adaptation(adaptation_id)}/examples", _as(Adaptation), examples, options, key)


def submit_examples(
    adaptation_id: str, examples: Examples, key: str | None, options: AdaptationOptions
) -> Call[Job]:
    return _teach(f"{_adaptation(adaptation_id)}/examples", _as(Job), examples, options, key, _LATER)


def adaptations(**asked: Any) -> Call[Page[Adaptation]]:
    return _list(Adaptation, "/v1/adaptations", **asked)


def adaptation(adaptation_id: str) -> Call[Adaptation]:
    return _get(_as(Adaptation), _adaptation(adaptation_id))


def delete_adaptation(adaptation_id: str) -> Call[None]:
    return _delete(_adaptation(adaptation_id))


def refine_threshold(adaptation_id: str) -> Call[Adaptation]:
    return Call("POST", f"{_adaptation(adaptation_id)}/unknown-threshold", _as(Adaptation))


def examples(adaptation_id: str, margins: bool) -> Call[Page[LabelledExample]]:
    return _list(LabelledExample, f"{_adaptation(adaptation_id)}/examples", margins=margins)


def export(adaptation_id: str) -> Call[bytes]:
    return _get(_content, f"{_adaptation(adaptation_id)}/export")


def predict(adaptation_id: str, inputs: Inputs) -> Call[list[Prediction]]:
    def read(response: httpx.Response) -> list[Prediction]:
        answers = _as(Predictions)(response).predictions
        predictions = [answer for answer in answers if isinstance(answer, Prediction)]
        if len(predictions) < len(answers):
            raise ClientError(f"Adaptation {adaptation_id} answers numbers; ask with predict_numbers.")
        return predictions

    return _ask(adaptation_id, inputs, read)


def predict_numbers(adaptation_id: str, inputs: Inputs) -> Call[list[float]]:
    def read(response: httpx.Response) -> list[float]:
        answers = _as(Predictions)(response).predictions
        numbers = [answer.value for answer in answers if isinstance(answer, NumberPrediction)]
        if len(numbers) < len(answers):
            raise ClientError(f"Adaptation {adaptation_id} tells classes apart; ask with predict.")
        return numbers

    return _ask(adaptation_id, inputs, read)


def predict_batch(adaptation_id: str, archive: File) -> Call[httpx.Response]:
    """Its answer is yet to be read, piece by piece, with `BatchLines`."""
    request = {"content": as_bytes(archive), "headers": _ZIP}
    path = f"{_adaptation(adaptation_id)}/predictions/batch"
    return Call("POST", path, lambda response: response, request, repeatable=True, streamed=True)


class BatchLines:
    """The answers in a stream of bytes, one a line.

    httpx would take U+2028 and the like for the end of a line too, and a name may have them.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[BatchPrediction]:
        """Return the answers whose lines end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [BatchPrediction.model_validate_json(line) for line in lines]

    def end(self) -> list[BatchPrediction]:
        """Return the answer whose line the stream did not end, if there is one."""
        return self.feed(b"\n") if self._rest else []


def _get(read: Read[Result], path: str, **params: Any) -> Call[Result]:
    return Call("GET", path, read, {"params": _given(**params)}, repeatable=True)


def _list(kind: type[Kind], path: str, **params: Any) -> Call[Page[Kind]]:
    return _get(_as(Page[kind]), path, **{"limit": _PAGE, **params})


def _delete(path: str) -> Call[None]:
    return Call("DELETE", path, _nothing, repeatable=True)


def _teach(
    path: str,
    read: Read[Result],
    examples: Examples,
    fields: Mapping[str, Any],
    key: str | None,
    headers: Mapping[str, str] | None = None,
) -> Call[Result]:
    # With a key it is done once, however often it arrives.
    key = uuid4().hex if key is None else header("idempotency_key", key, "use ASCII letters and digits")
    request = {
        **lesson(examples, _given(**fields)),
        "headers": {"Idempotency-Key": key, **(headers or {})},
    }
    return Call("POST", path, read, request, repeatable=True)


def _ask(adaptation_id: str, inputs: Inputs, read: Read[Result]) -> Call[Result]:
    path = f"{_adaptation(adaptation_id)}/predictions"
    return Call("POST", path, read, questions(inputs), repeatable=True)


def _as(kind: type[Kind]) -> Read[Kind]:
    return lambda response: kind.model_validate_json(response.content)


def _content(response: httpx.Response) -> bytes:
    return response.content


def _nothing(_: httpx.Response) -> None:
    return None


def _model(reference: str) -> str:
    return f"/v1/models/{_part(reference)}"


def _experiment(experiment_id: str) -> str:
    return f"/v1/experiments/{_part(experiment_id)}"


def _adaptation(adaptation_id: str) -> str:
    return f"/v1/adaptations/{_part(adaptation_id)}"


def _part(text: str) -> str:
    """Return a name as one part of a path."""
    return quote(_name(text), safe="", errors="replace")


def _name(given: object) -> str:
    """Return a name or an id; raises TypeError for what it stands for."""
    if isinstance(given, str):
        return given
    advice = "give its .id" if hasattr(given, "id") else "give a str"
    raise TypeError(f"{type(given).__name__} is no name and no id; {advice}.")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
