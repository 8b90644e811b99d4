"""What is answered, field by field."""

import base64
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, field_serializer

from backend.messages.requests import MAX_LABEL_LENGTH

Item = TypeVar("Item")

Value = str | bool | int | float | None
Values = Value | list[Value] | dict[str, Value]
Json = Values | list[Values] | dict[str, Values]
"""What a trainer writes down of a run; those of other versions write other things. Not recursive, since many
generators of clients cannot read that."""


def _given() -> Any:
    """Make a field that is left out of an answer where it is None."""
    return Field(default=None, exclude_if=lambda value: value is None)


class Problem(BaseModel):
    """RFC 9457: what went wrong, in a sentence."""

    type: str = Field(description="Stable name of the kind of problem.")
    title: str
    status: int
    detail: str
    errors: dict[str, str] = Field(description="By field: what is wrong with it.")


class Page(BaseModel, Generic[Item]):
    """Part of a list; `next_cursor` asks for the part after it."""

    items: list[Item]
    next_cursor: str | None = None


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """The service can adapt."""

    status: Literal["ready"] = "ready"
    models_loaded: int = Field(description="Models in memory; others are loaded when they are asked for.")
    device: Literal["cpu", "cuda"] = Field(description="Where models run.")
    device_fallback: str | None = Field(description="Why they do not run on a GPU, where one was wished for.")


class Limits(BaseModel):
    """The limits in force."""

    max_body_bytes: int
    max_body_seconds: float
    max_pixels: int
    max_request_pixels: int
    max_examples: int
    max_predictions: int
    max_batch: int
    max_classes: int
    max_jobs: int
    max_label_length: int = MAX_LABEL_LENGTH
    max_inner_steps: int
    max_deadline_ms: int
    default_ttl_seconds: int | None
    max_ttl_seconds: int
    max_adaptations: int | None = Field(description="Of a tenant; null on a service without keys.")
    max_requests_per_minute: int | None = Field(description="With one key; null on a service without keys.")


class Ways(BaseModel):
    """How many classes a model can tell apart."""

    min: int
    max: int


class Recipe(BaseModel):
    """How a support set is adapted to."""

    solver: str
    max_steps: int
    inner_lr: float
    lam: float
    tolerance: float
    momentum: float = 0.9
    cg_steps: int = 10
    memory: int = 10
    lam_scales: list[float] = []


class AdaptationRecipe(Recipe):
    """The recipe that was used; `validated` where it is the model's own."""

    validated: bool


class ImageInput(BaseModel):
    """Image files; the model sees them preprocessed, of this size."""

    kind: Literal["image"]
    channels: int
    height: int
    width: int
    preprocessing: int | str = Field(description="Which way from a file to what the model sees.")


class VectorInput(BaseModel):
    """Vectors of numbers, as they are; the model standardises them itself."""

    kind: Literal["vector"]
    length: int


class Model(BaseModel):
    """One version of a stored meta-model."""

    id: str
    name: str
    version: int
    aliases: list[str]
    dataset: str
    task: Literal["classification", "regression"]
    input: ImageInput | VectorInput = Field(discriminator="kind")
    ways: Ways
    recipe: Recipe
    experiment_id: str | None
    created_at: datetime


class LabelledExample(BaseModel):
    """An image file, in base64, or a vector; and its class or, in regression, its number."""

    label: str | None = _given()
    target: float | None = _given()
    image: bytes | None = _given()
    input: list[float] | None = _given()
    margin: float | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Log odds of its label against the likeliest other, as learned from the other examples.",
    )

    @field_serializer("image")
    def _encode(self, image: bytes | None) -> str | None:
        return None if image is None else base64.b64encode(image).decode()


class Episode(BaseModel):
    """A task from the examples that are stored with a model."""

    model: str
    ways: int
    shots: int
    queries: int
    seed: int
    support: list[LabelledExample]
    query: list[LabelledExample]


class TracePoint(BaseModel):
    """The inner problem after `step` steps."""

    step: int
    loss: float
    residual: float


class Solution(BaseModel):
    """How far the inner solver went, measured at the parameters that are kept."""

    steps: int
    converged: bool
    stop_reason: Literal["tolerance", "step_limit", "deadline", "line_search", "negative_curvature"]
    residual: float
    support_loss: float
    support_accuracy: float | None
    distance: float
    trace: list[TracePoint]
    duration_ms: float


class Adaptation(BaseModel):
    """What was learned from somebody's examples."""

    id: str
    name: str | None
    model: str
    model_version: int
    classes: list[str]
    recipe: AdaptationRecipe
    solution: Solution
    unknown_threshold: float | None
    warnings: list[str]
    examples_stored: bool = Field(description="Whether its examples can be looked at and added to.")
    created_at: datetime
    created_by: str | None = Field(description="Id of the key that made it; null on a service without keys.")
    expires_at: datetime | None


class Job(BaseModel):
    """An adaptation that was asked for with `Prefer: respond-async`."""

    id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    adaptation_id: str | None = Field(description="What it made; null before that, and once it was deleted.")
    problem: Problem | None = Field(description="Why it failed.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Prediction(BaseModel):
    """The answer to one example."""

    label: str
    confidence: float
    unknown: bool = Field(description="Whether similarity is below the adaptation's unknown_threshold.")
    similarity: float = Field(
        description="To the nearest class: 1 at the mean of its examples, 0.5 for the median known query."
    )
    probabilities: dict[str, float]


class NumberPrediction(BaseModel):
    """The answer to one example in regression."""

    value: float


class Predictions(BaseModel):
    """The answers, in the order of what was asked."""

    predictions: list[Prediction] | list[NumberPrediction]


class BatchLine(BaseModel):
    """The answer to one image of a zip, or what was wrong with it."""

    filename: str
    prediction: Prediction | NumberPrediction | None
    problem: Problem | None


class Experiment(BaseModel):
    """One training run, in a list; `status` is "dead" for a running one that gives no sign of life."""

    id: str
    name: str
    algorithm: str
    dataset: str
    status: Literal["running", "completed", "interrupted", "failed", "dead"]
    step: int
    total_steps: int
    seconds_left: float | None = Field(description="At its pace so far; null where it is not running.")
    ways: int | None
    shots: int | None
    best_accuracy: float | None = Field(description="The highest accuracy of its validations, a fraction.")
    best_accuracy_ci95: float | None = Field(description="Half the width of its 95 % confidence interval.")
    sparkline: list[float] | None = Field(
        None, description="Its validation accuracy in few points, if asked for."
    )
    tags: list[str]
    notes: str
    archived: bool
    error: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    heartbeat_at: datetime


class ExperimentDetail(Experiment):
    """One training run with what was asked and what it ran on."""

    config: dict[str, Json]
    provenance: dict[str, Json]
    split: dict[str, list[str]]
    checkpoint_bytes: int | None = Field(description="Size of what it can be resumed from; null without.")


class ExperimentPage(Page[Experiment]):
    """Part of the list of experiments."""

    total: int = Field(description="How many meet the conditions, on all pages.")


class ExperimentFacets(BaseModel):
    """Every value that the experiments have, of what their list can be asked for."""

    algorithms: list[str]
    datasets: list[str]
    tags: list[str]
    ways: list[int]
    shots: list[int]


class MetricPoint(BaseModel):
    """A value of a metric; null where it was not finite, `inner_step` only for inner-loop curves."""

    step: int
    inner_step: int | None
    value: float | None


class Metrics(BaseModel):
    """Curves by name, in order of their steps."""

    metrics: dict[str, list[MetricPoint]]


class Evaluation(BaseModel):
    """Accuracy over episodes, as fractions; `accuracies` holds each episode's, when asked for."""

    id: str
    experiment_id: str | None
    model_id: str | None
    dataset: str
    split: str
    ways: int
    shots: int
    queries: int
    episodes: int
    seed: int
    transductive: bool
    accuracy: float
    ci95: float
    accuracy_unadapted: float
    accuracies: list[float] | None
    created_at: datetime
