"""Metrics: values over the steps of an experiment."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from imaml.store.repository.experiments import Experiments
from imaml.store.repository.portable import upsert
from imaml.store.tables import NO_INNER_STEP, Experiment, MetricValue

ACCURACY, CI95 = "validation_accuracy", "validation_ci95"


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
        if any(row["name"] in (ACCURACY, CI95) for row in rows):
            self._update_best(experiment.id)

    def truncate_after(self, experiment_id: str, step: int) -> None:
        """Remove the values after `step`, from where a resumed run writes them again."""
        experiment = self._experiments.own(experiment_id)
        self._session.execute(
            delete(MetricValue).where(MetricValue.experiment_id == experiment.id, MetricValue.step > step)
        )
        self._update_best(experiment.id)

    def read(
        self,
        experiment_id: str,
        names: Sequence[str] | None = None,
        points: int | None = None,
        *,
        first_step: int | None = None,
        last_step: int | None = None,
    ) -> dict[str, list[Point]]:
        """Return each metric (of `names`, or all) in order of step and inner step, between two steps.

        `points` thins each out to about as many, with the first, the last and all outliers kept; of
        inner-loop curves some are left out, and those that stay are whole.
        """
        experiment = self._experiments.get(experiment_id)
        columns = (MetricValue.name, MetricValue.step, MetricValue.inner_step, MetricValue.value)
        statement = select(*columns).where(MetricValue.experiment_id == experiment.id).order_by(*columns[:3])
        if names is not None:
            statement = statement.where(MetricValue.name.in_(names))
        if first_step is not None:
            statement = statement.where(MetricValue.step >= first_step)
        if last_step is not None:
            statement = statement.where(MetricValue.step <= last_step)
        curves = {
            name: [Point(*row[1:]) for row in rows]
            for name, rows in groupby(self._session.execute(statement), key=lambda row: row[0])
        }
        return curves if points is None else {name: thin_out(curve, points) for name, curve in curves.items()}

    def sparklines(self, experiments: Sequence[Experiment], points: int) -> dict[str, list[float]]:
        """Return about `points` of the validation accuracy of each experiment by its id, without NaN.

        They are the lowest and the highest of equal stretches, which the database finds: to read all points
        of a page of experiments takes ten times as long.
        """
        stretch = MetricValue.step * (points // 2) // (Experiment.total_steps + 1)
        extremes = (
            select(MetricValue.experiment_id, func.min(MetricValue.value), func.max(MetricValue.value))
            .join(Experiment, Experiment.id == MetricValue.experiment_id)
            .where(MetricValue.experiment_id.in_([experiment.id for experiment in experiments]))
            .where(MetricValue.name == ACCURACY, _IS_NUMBER)
            .group_by(MetricValue.experiment_id, stretch)
            .order_by(MetricValue.experiment_id, stretch)
        )
        curves = {experiment.id: list[float]() for experiment in experiments}
        for experiment_id, low, high in self._session.execute(extremes):
            curve = curves[experiment_id]
            falling = bool(curve) and curve[-1] > (low + high) / 2
            curve += dict.fromkeys((high, low) if falling else (low, high))
        return curves

    def _update_best(self, experiment_id: str) -> None:
        """Set the experiment's best accuracy, and its interval, to what the metrics say."""
        best = (
            select(MetricValue.step, MetricValue.value)
            .where(MetricValue.experiment_id == experiment_id, MetricValue.name == ACCURACY, _IS_NUMBER)
            .order_by(MetricValue.value.desc(), MetricValue.step)
            .limit(1)
        )
        step, accuracy = self._session.execute(best).one_or_none() or (None, None)
        ci95 = select(func.max(MetricValue.value)).where(
            MetricValue.experiment_id == experiment_id, MetricValue.name == CI95, MetricValue.step == step
        )
        self._session.execute(
            update(Experiment)
            .where(Experiment.id == experiment_id)
            .values(best_accuracy=accuracy, best_accuracy_ci95=ci95.scalar_subquery())
        )


_IS_NUMBER = MetricValue.value <= 1
"""An accuracy that is no NaN, which SQLite keeps as NULL and PostgreSQL takes for the largest number."""


def thin_out(curve: Sequence[Point], points: int) -> list[Point]:
    """Return about `points` of the curve: the minimum and maximum of each of equal stretches, first and last.

    A stretch that holds NaN alone keeps one, so that a divergence stays visible. Of inner-loop curves whole
    ones are kept, evenly spread, at least two where there are so many.
    """
    if len(curve) <= points:
        return [*curve]
    if curve[0].inner_step != NO_INNER_STEP:
        return _whole_loops(curve, points)
    stretches = max(1, points // 2)
    edges = [index * len(curve) // stretches for index in range(stretches + 1)]
    kept = {0, len(curve) - 1}
    for start, end in pairwise(edges):
        numbers = [index for index in range(start, end) if not math.isnan(curve[index].value)] or [start]
        kept.add(min(numbers, key=lambda index: curve[index].value))
        kept.add(max(numbers, key=lambda index: curve[index].value))
    return [curve[index] for index in sorted(kept)]


def _whole_loops(curve: Sequence[Point], points: int) -> list[Point]:
    loops = [[*loop] for _, loop in groupby(curve, key=lambda point: point.step)]
    most = max(2, points * len(loops) // len(curve))
    if len(loops) <= most:
        return [*curve]
    chosen = (loops[round(index * (len(loops) - 1) / (most - 1))] for index in range(most))
    return [point for loop in chosen for point in loop]
