"""Two things timed in turn, so that a machine whose speed drifts treats both alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Row:
    """Milliseconds of both sides (medians), and baseline / ours for each pair of runs."""

    name: str
    ours_ms: float
    baseline_ms: float
    ratio: float
    """Median of the pairs; above 1, ours is faster."""
    ratio_low: float
    """First decile of the pairs."""
    ratio_high: float
    """Last decile of the pairs."""


def compare(name: str, ours: Callable[[], object], baseline: Callable[[], object], pairs: int = 15) -> Row:
    """Time both sides alternately, after one run of each that does not count."""
    ours()
    baseline()
    times = [(_seconds(ours), _seconds(baseline)) for _ in range(pairs)]
    ratios = [theirs / mine for mine, theirs in times]
    deciles = quantiles(ratios, n=10)
    mine, theirs = (median(side) for side in zip(*times, strict=True))
    return Row(name, mine * 1e3, theirs * 1e3, median(ratios), deciles[0], deciles[-1])


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
