"""What the service answers, as its client gives it: immutable, and unmoved by fields that are new to it."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import Base64Bytes, BaseModel, ConfigDict

Item = TypeVar("Item")


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[Item]):
    """Part of a list."""

    items: list[Item]
    next_cursor: str | None = None


class Limits(Answer):
    """The limits in force."""

    max_body_bytes: int
    max_body_seconds: float
    max_pixels: int
    max_request_pixels: int
    max_examples: int
    max_predictions: int
    max_batch: int
    max_jobs: int
    max_label_length: int
    max_inner_steps: int
    max_deadline_ms: int
    default_ttl_seconds: int | None
    max_ttl_seconds: int
    max_classes: int
    max_adaptations: int | None
    """Of a tenant; None on a service without keys."""
    max_requests_per_minute: int | None
    """With one key; None on a service without keys."""


class Ways(Answer):
    """How many classes a model can tell apart."""

    min: int
    max: int


class Recipe(Answer):
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


class Model(Answer):
    """One version of a stored meta-model."""

    id: str
    name: str
    version: int
    aliases: list[str]
    dataset: str
    task: Literal["classification", "regression"] = "classification"
    input: dict[str, Any]
    ways: Ways
    recipe: Recipe
    experiment_id: str | None
    created_at: datetime

    @property
    def reference(self) -> str:
        """What stands for exactly this version."""
        return f"{self.name}:{self.version}"

    @property
    def takes_images(self) -> bool:
        """Whether it learns from images; otherwise from vectors."""
        return self.input["kind"] == "image"


class LabelledExample(Answer):
    """The bytes of an image file, or a vector; and its class or, in regression, its number."""

    label: str | None = None
    target: float | None = None
    image: Base64Bytes | None = None
    input: list[float] | None = None
    margin: float | None = None


class Episode(Answer):
    """A task from the examples that are stored with a model."""

    model: str
    ways: int
    shots: int
    queries: int
    seed: int
    support: list[LabelledExample]
    query: list[LabelledExample]


class TracePoint(Answer):
    """The inner problem after `step` steps: loss on the support set, and residual norm."""

    step: int
    loss: float
    residual: float


class Solution(Answer):
    """How far the inner solver went; `distance` is from its centre, `duration_ms` the engine's time.

    There is no `support_accuracy` in regression.
    """

    steps: int
    converged: bool
    stop_reason: str
    residual: float
    support_loss: float
    support_accuracy: float | None
    distance: float
    trace: list[TracePoint]
    duration_ms: float


class Adaptation(Answer):
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
    examples_stored: bool
    created_at: datetime
    created_by: str | None
    """Id of the key that made it; None on a service without keys."""
    expires_at: datetime | None


class Prediction(Answer):
    """The answer to one example; `unknown` where it is probably none of the classes.

    That is so where `similarity`, to the nearest class, is below the adaptation's `unknown_threshold`.
    """

    label: str
    confidence: float
    unknown: bool
    similarity: float
    probabilities: dict[str, float]


class NumberPrediction(Answer):
    """The answer to one example in regression."""

    value: float


class Predictions(Answer):
    """The answers, in the order of what was asked."""

    predictions: list[Prediction] | list[NumberPrediction]


class Problem(Answer):
    """What went wrong (RFC 9457): `type` says it stably, `detail` in a sentence, `errors` by field."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, str]


class Job(Answer):
    """An adaptation that is being made.

    In the end there is its id, which goes when it is deleted, or the problem that it failed with.
    """

    id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    adaptation_id: str | None
    problem: Problem | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class BatchPrediction(Answer):
    """The answer to one file of an archive, or the problem with that file."""

    filename: str
    prediction: Prediction | NumberPrediction | None
    problem: Problem | None


class Experiment(Answer):
    """One training run, in a list; "dead" is a running one that gives no sign of life."""

    id: str
    name: str
    algorithm: str
    dataset: str
    status: Literal["running", "completed", "interrupted", "failed", "dead"]
    step: int
    total_steps: int
    seconds_left: float | None
    """At its pace so far; None where it is not running."""
    ways: int | None
    shots: int | None
    best_accuracy: float | None
    """The highest of its validations, a fraction, with half the width of its 95 % confidence interval."""
    best_accuracy_ci95: float | None
    sparkline: list[float] | None
    """Its validation accuracy in few points, if they were asked for."""
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

    config: dict[str, Any]
    provenance: dict[str, Any]
    split: dict[str, list[str]]
    checkpoint_bytes: int | None
    """Size of what it can be resumed from."""


class ExperimentPage(Page[Experiment]):
    """Part of the list of experiments; `total` are on all its pages."""

    total: int


class ExperimentFacets(Answer):
    """Every value that the experiments have, of what their list can be asked for."""

    algorithms: list[str]
    datasets: list[str]
    tags: list[str]
    ways: list[int]
    shots: list[int]


class MetricPoint(Answer):
    """A value of a metric; None where it was not finite, `inner_step` only for inner-loop curves."""

    step: int
    inner_step: int | None
    value: float | None


class Metrics(Answer):
    """Curves by name, in order of their steps."""

    metrics: dict[str, list[MetricPoint]]


class Evaluation(Answer):
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
