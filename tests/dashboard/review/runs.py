"""Experiments as the trainer stores them."""

import math

from imaml.store import Evaluation, Experiment, Metric, Store


def add(
    store: Store, name: str, status: str | None = None, error: str | None = None, **fields: object
) -> str:
    """Store an experiment, which runs or has ended with that status; return its id."""
    known: dict[str, object] = {
        "name": name,
        "algorithm": "imaml",
        "dataset": "glyphs",
        "config": {"ways": 5, "shots": 1, "lam": 0.25, "inner_solver": "gradient_descent", "data": None},
        "provenance": {"git_commit": "abc123", "git_dirty": True, "versions": {"numpy": "2.4"}},
        "split": {"train": ["a", "b"], "test": ["c"]},
        "total_steps": 1000,
        "tags": ["first_try"],
    }
    with store.transaction() as transaction:
        added = transaction.experiments.add(Experiment(**known | fields)).id
        if status:
            transaction.experiments.finish(added, status, error=error)
    return added


def measure(store: Store, experiment: str) -> None:
    """Store every metric that the trainer has, some with values that are not finite."""
    by_step = {
        "outer_loss": 0.5,
        "meta_gradient_norm": 3.0,
        "inner_residual": 0.01,
        "linear_residual": 0.1,
        "negative_curvature": 0.0,
        "validation_accuracy": 0.9,
        "validation_ci95": 0.02,
        "validation_accuracy_unadapted": 0.85,
    }
    metrics = [Metric(name, step, value) for name, value in by_step.items() for step in (1, 2)]
    metrics += [Metric("outer_loss", 3, math.nan), Metric("validation_accuracy", 3, 0.8)]
    for name in ("inner_loss", "inner_query_loss", "inner_step_residual"):
        metrics += [Metric(name, step, 1 / (1 + inner), inner) for step in (1, 2) for inner in range(4)]
    with store.transaction() as transaction:
        transaction.metrics.write(experiment, metrics)


def evaluate(store: Store, experiment: str, **fields: object) -> None:
    """Store an evaluation of an experiment."""
    known: dict[str, object] = {
        "dataset": "glyphs",
        "split": "test",
        "ways": 5,
        "shots": 1,
        "queries": 15,
        "episodes": 2,
        "seed": 1,
        "transductive": False,
        "accuracy": 0.9512,
        "ci95": 0.0041,
        "accuracy_unadapted": 0.933,
        "accuracies": [0.95, 0.9524],
    }
    with store.transaction() as transaction:
        transaction.evaluations.add(Evaluation(**known | fields, experiment_id=experiment))
