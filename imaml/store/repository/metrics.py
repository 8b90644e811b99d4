"""Metrics: values over the steps of an experiment."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from imaml.store.repository.experiments import Experiments
from imaml.store.repository.portable import upsert
from imaml.store.tables import NO_INNER_STEP, MetricValue


class Metric(NamedTuple):
    """A value to write; `inner_step` is -1 but for inner-loop curves."""

    name: str
    step: int
    value: float
    inner_step: int = NO_INNER_STEP


class Point(NamedTuple):
    """A value that was read; NaN where the run measured NaN."""

    step: int
    inner_step: int
    value: float


class Metrics:
    """The metrics of the experiments that a tenant sees."""

    def __init__(self, session: Session, experiments: Experiments) -> None:
        self._session = session
        self._experiments = experiments

    def write(self, experiment_id: str, metrics: Iterable[Metric]) -> None:
        """Store the values; one that is there already for its name and steps is replaced."""
        experiment = self._experiments.own(experiment_id)
        rows = [{"experiment_id": experiment.id, **metric._asdict()} for metric in metrics]
        upsert(self._session, MetricValue, rows, ["value"])

    def truncate_after(self, experiment_id: str, step: int) -> None:
        """Remove the values after `step`, from where a resumed run writes them again."""
        experiment = self._experiments.own(experiment_id)
        self._session.execute(
            delete(MetricValue).where(MetricValue.experiment_id == experiment.id, MetricValue.step > step)
        )

    def read(
        self, experiment_id: str, names: Sequence[str] | None = None, points: int | None = None
    ) -> dict[str, list[Point]]:
        """Return each metric (of `names`, or all) in order of step and inner step.

        `points` thins each out to about as many, with the first, the last and all outliers kept.
        """
        experiment = self._experiments.get(experiment_id)
        columns = (MetricValue.name, MetricValue.step, MetricValue.inner_step, MetricValue.value)
        statement = select(*columns).where(MetricValue.experiment_id == experiment.id).order_by(*columns[:3])
        if names is not None:
            statement = statement.where(MetricValue.name.in_(names))
        curves = {
            name: [Point(*row[1:]) for row in rows]
            for name, rows in groupby(self._session.execute(statement), key=lambda row: row[0])
        }
        return curves if points is None else {name: thin_out(curve, points) for name, curve in curves.items()}


def thin_out(curve: Sequence[Point], points: int) -> list[Point]:
    """Return about `points` of the curve: the minimum and maximum of each of equal stretches, first and last.

    A stretch that holds NaN alone keeps one, so that a divergence stays visible.
    """
    if len(curve) <= points:
        return [*curve]
    stretches = max(1, points // 2)
    edges = [index * len(curve) // stretches for index in range(stretches + 1)]
    kept = {0, len(curve) - 1}
    for start, end in pairwise(edges):
        numbers = [index for index in range(start, end) if not math.isnan(curve[index].value)] or [start]
        kept.add(min(numbers, key=lambda index: curve[index].value))
        kept.add(max(numbers, key=lambda index: curve[index].value))
    return [curve[index] for index in sorted(kept)]
