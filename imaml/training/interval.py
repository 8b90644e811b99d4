"""How far a mean over episodes can be trusted."""

from collections.abc import Sequence
from math import sqrt
from statistics import stdev


def ci95(values: Sequence[float]) -> float:
    """Half width of the 95 % confidence interval of the mean, 1.96 standard errors."""
    return 1.96 * stdev(values) / sqrt(len(values))
