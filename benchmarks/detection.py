"""How well scores part what should score high, the known, from what should score low, the unknown."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]

RESAMPLES = 500


def auroc(known: Scores, unknown: Scores) -> float:
    """The chance that one of the known scores higher than one of the unknown; ties count half."""
    ordered = np.sort(unknown)
    below, not_above = (np.searchsorted(ordered, known, side) for side in ("left", "right"))
    return float(np.mean(below + not_above) / 2 / len(unknown))


def lost(known: Scores, unknown: Scores, accepted: float = 0.05) -> float:
    """The share of the known that is turned away where at most this share of the unknown is accepted."""
    threshold = np.quantile(unknown, 1 - accepted, method="higher")
    return float(np.mean(known <= threshold))


def bootstrapped(
    statistic: Callable[[Scores, Scores], float], known: Sequence[Scores], unknown: Sequence[Scores]
) -> tuple[float, float]:
    """A statistic of the scores of all tasks, and half its 95 % confidence interval over tasks."""
    generator = np.random.default_rng(0)
    resamples = [
        statistic(*(np.concatenate([scores[task] for task in chosen]) for scores in (known, unknown)))
        for chosen in generator.integers(len(known), size=(RESAMPLES, len(known)))
    ]
    value = statistic(np.concatenate(known), np.concatenate(unknown))
    return value, 1.96 * float(np.std(resamples))


def share_ci95(share: float, count: int) -> float:
    """Half the 95 % confidence interval of a share of so many independent cases (Wilson 1927)."""
    z = 1.96
    return z / (1 + z * z / count) * (share * (1 - share) / count + (z / count / 2) ** 2) ** 0.5
