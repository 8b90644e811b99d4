"""Runs as the comparison sees them, made up."""

from datetime import UTC, datetime
from typing import Any

from dashboard.review.comparison.run import Run
from dashboard.review.comparison.settings import settings
from imaml.client import Evaluation, ExperimentDetail, MetricPoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPLIT = {"train": ["a", "b"], "validation": ["c"], "test": ["d", "e"]}


def run(
    id_: str,
    *,
    name: str | None = None,
    best: float | None = None,
    metrics: dict[str, list[MetricPoint]] | None = None,
    evaluations: list[Evaluation] | None = None,
    fingerprint: str | None = "f",
    split: dict[str, list[str]] = SPLIT,
    **config: Any,
) -> Run:
    """A run whose name and label are its id."""
    experiment = ExperimentDetail.model_construct(
        id=id_,
        name=name or id_,
        algorithm="imaml",
        dataset="glyphs",
        status="completed",
        best_accuracy=best,
        best_accuracy_ci95=None,
        config=config,
        provenance={"dataset_fingerprint": fingerprint},
        split=split,
    )
    return Run(id_, experiment, settings(config), metrics or {}, evaluations or [])


def curve(values: list[float | None], first: int = 0, every: int = 1) -> list[MetricPoint]:
    """Values by step."""
    return [
        MetricPoint(step=first + every * index, inner_step=None, value=value)
        for index, value in enumerate(values)
    ]


def evaluation(accuracies: list[float], **other: Any) -> Evaluation:
    """An evaluation on test classes, of these accuracies."""
    fields: dict[str, Any] = {
        "id": "e",
        "experiment_id": None,
        "model_id": None,
        "dataset": "glyphs",
        "split": "test",
        "ways": 5,
        "shots": 1,
        "queries": 5,
        "episodes": len(accuracies),
        "seed": 1,
        "transductive": False,
        "accuracy": sum(accuracies) / len(accuracies),
        "ci95": 0.01,
        "accuracy_unadapted": 0.5,
        "accuracies": accuracies,
        "created_at": NOW,
    }
    return Evaluation(**(fields | other))
