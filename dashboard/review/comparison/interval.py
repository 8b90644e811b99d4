"""The mean of a sample with its 95 % confidence interval, by Student's t."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin, sqrt, tan
from statistics import fmean, stdev

CONFIDENCE = 0.95
HALVINGS = 60  # of a search between two angles: as exact as a float


@dataclass(frozen=True)
class Interval:
    """A mean over `n` values; `half` is the half width of its interval, None for a single value."""

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float | None:
        """The lower bound."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """The upper bound."""
        return None if self.half is None else self.mean + self.half

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside; without an interval nothing does."""
        return self.half is not None and abs(self.mean) > self.half


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of one value or more with its interval."""
    n = len(values)
    half = critical(n - 1) * stdev(values) / sqrt(n) if n > 1 else None
    return Interval(fmean(values), half, n)


@lru_cache
def critical(degrees: int) -> float:
    """Return what |t| exceeds with a probability of 5 %, for one degree of freedom or more."""
    low, high = 0.0, pi / 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _probability(middle, degrees) < CONFIDENCE else (low, middle)
    return sqrt(degrees) * tan(low)


def _probability(angle: float, degrees: int) -> float:
    """Of |t| below √degrees · tan(angle): the finite sums of Abramowitz & Stegun, 26.7.3 and 26.7.4."""
    odd = degrees % 2
    total, term = 0.0, cos(angle) if odd else 1.0
    for factor in range(1 + odd, degrees, 2):
        total += term
        term *= cos(angle) ** 2 * factor / (factor + 1)
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total
