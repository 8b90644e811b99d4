"""Experiments in the store of a running service, as training leaves them."""

from collections.abc import Callable, Sequence

import pytest

from imaml.store import Evaluation, Experiment, Metric, Store
from imaml.store.tables import Status

Add = Callable[..., str]


@pytest.fixture
def add(api_store: Store) -> Add:
    """Stores a validated experiment, with the accuracies of its test episodes, or by split, if given."""

    def store(
        name: str,
        best: float | None = 0.9,
        accuracies: Sequence[float] = (),
        evaluated: Sequence[tuple[str, Sequence[float]]] = (),
        test: str = "d",
        status: Status | None = "completed",
        **config: object,
    ) -> str:
        settings = {"algorithm": "imaml", "lam": 0.1, "inner_steps": 16, "seed": 0, "data": None}
        experiment = Experiment(
            name=name,
            algorithm="imaml",
            dataset="glyphs",
            config={"name": name, **settings, **config},
            provenance={"dataset_fingerprint": "f"},
            split={"train": ["a", "b"], "validation": ["c"], "test": [test]},
            total_steps=100,
        )
        with api_store.transaction() as transaction:
            added = transaction.experiments.add(experiment).id
            transaction.metrics.write(added, _metrics(best))
            for split, each in [*evaluated, *([("test", accuracies)] if accuracies else [])]:
                transaction.evaluations.add(_evaluation(added, split, each))
            if status:
                transaction.experiments.finish(added, status)
        return added

    return store


def _metrics(best: float | None) -> list[Metric]:
    metrics = [Metric("outer_loss", step, 1 / step) for step in (1, 50, 100)]
    metrics += [Metric("meta_gradient_norm", step, 10.0 * step) for step in (1, 50, 100)]
    metrics += [Metric("inner_loss", 100, 1 / (1 + inner), inner) for inner in range(4)]
    for step, short in ((50, 0.1), (100, 0.0)) if best is not None else ():
        metrics += [Metric("validation_accuracy", step, best - short), Metric("validation_ci95", step, 0.02)]
    return metrics


def _evaluation(experiment: str, split: str, accuracies: Sequence[float]) -> Evaluation:
    return Evaluation(
        experiment_id=experiment,
        dataset="glyphs",
        split=split,
        ways=5,
        shots=1,
        queries=5,
        episodes=len(accuracies),
        seed=1,
        transductive=False,
        accuracy=sum(accuracies) / len(accuracies),
        ci95=0.01,
        accuracy_unadapted=0.5,
        accuracies=list(accuracies),
    )
