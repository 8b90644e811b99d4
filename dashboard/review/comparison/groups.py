"""Experiments that differ in their seed alone, and the mean of their curves."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from dashboard.review.comparison.interval import Interval, interval
from dashboard.review.comparison.naming import Named, labels
from dashboard.review.comparison.run import Run
from dashboard.review.comparison.settings import SEED, Settings
from imaml.client import MetricPoint

WORD = re.compile("[-_ ,]*[^-_ ,]+")  # of a name, with what separates it from the one before


@dataclass(frozen=True)
class Group:
    """Runs with the same settings, no two with the same seed."""

    settings: Settings
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """The words that the names of its runs begin with."""
        names = [run.experiment.name for run in self.runs]
        if len(names) == 1:
            return names[0]
        alike = takewhile(lambda words: len(set(words)) == 1, zip(*map(WORD.findall, names), strict=False))
        return "".join(words[0] for words in alike) or names[0]


def by_seed(runs: Sequence[Run]) -> list[Group]:
    """Return the groups, in the order of their first runs; of two runs with one seed the newer counts."""
    found: list[tuple[Settings, dict[object, Run]]] = []
    for run in runs:
        shared = {name: value for name, value in run.settings.items() if name != SEED}
        seeds = next((seeds for settings, seeds in found if settings == shared), None)
        if seeds is None:
            found.append((shared, seeds := {}))
        seed = run.settings.get(SEED)
        seeds[seed] = max(run, seeds.get(seed, run), key=lambda each: each.id)  # ids sort by time
    return [Group(settings, tuple(seeds.values())) for settings, seeds in found]


def group_labels(groups: Sequence[Group]) -> list[str]:
    """Return a label for each group that says how many seeds it has."""
    names = labels([Named(group.name, group.settings, group.runs[0].id) for group in groups])
    return [
        f"{name}, {len(group.runs)} seeds" if len(group.runs) > 1 else name
        for name, group in zip(names, groups, strict=True)
    ]


def mean_curve(curves: Sequence[Sequence[MetricPoint]]) -> list[tuple[int, Interval]]:
    """Return the mean by step over those curves that have a value there, with its interval."""
    steps = sorted({point.step for curve in curves for point in curve})
    mean: list[tuple[int, Interval]] = []
    for step in steps:
        values = [value for curve in curves if (value := _value_at(curve, step)) is not None]
        if values:
            mean.append((step, interval(values)))
    return mean


def _value_at(curve: Sequence[MetricPoint], step: int) -> float | None:
    """The value at a step, between two points on the line that joins them; none beyond the ends."""
    after = bisect_left(curve, step, key=lambda point: point.step)
    if after == len(curve):
        return None
    right = curve[after]
    if right.step == step:
        return right.value
    left = curve[after - 1]
    if after == 0 or left.value is None or right.value is None:
        return None
    return left.value + (right.value - left.value) * (step - left.step) / (right.step - left.step)
