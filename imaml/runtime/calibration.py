"""What a model's answers are worth, measured on validation classes when it was trained and stored with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from imaml.runtime.fields import number, whole
from imaml.runtime.graphs import Array, Centre, GraphError

MAX_WAYS = 1000
_MAX_NUMBER = 1e9


@dataclass(frozen=True)
class Setting:
    """What was measured for one number of ways and shots."""

    ways: int
    shots: float
    temperature: float
    """By which logits are divided, so that confidences are the shares of right answers (Guo et al. 2017)."""
    unknown_threshold: float
    """Similarity below which an answer is unknown."""
    spread: float
    """Mean squared distance of queries of known classes, in units of the model's `distance`."""
    home_threshold: float
    """Distance from home above which a support set is unlike those of the training."""


@dataclass(frozen=True)
class Home:
    """Where the support sets of validation classes lie: mean and scale of each number of a signature."""

    mean: Array
    scale: Array

    def distance(self, signature: Array) -> float:
        """How far a support set lies from there, in standard deviations, root mean square."""
        offset = (signature - self.mean) / self.scale
        return float(np.sqrt(np.mean(offset * offset)))


@dataclass(frozen=True)
class Calibration:
    """Everything that was measured."""

    settings: tuple[Setting, ...]
    distance: float
    """The median squared distance of a query's features from the mean of its class's examples."""
    home: Home

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> "Calibration":
        """What a model's description says. Raises GraphError where it cannot be used."""
        settings = tuple(
            Setting(
                ways=whole(measured, "ways", 1, MAX_WAYS),
                shots=number(measured, "shots", 1, _MAX_NUMBER),
                temperature=number(measured, "temperature", 1e-3, _MAX_NUMBER),
                unknown_threshold=number(measured, "unknown_threshold", 0, 1),
                spread=number(measured, "spread", 1e-12, _MAX_NUMBER),
                home_threshold=number(measured, "home_threshold", 0, _MAX_NUMBER),
            )
            for measured in described["settings"]
        )
        if not settings:
            raise GraphError("The model's calibration has no settings; export it again.")
        try:
            mean, scale = (np.array(described["home"][name], np.float32) for name in ("mean", "scale"))
        except ValueError as error:
            raise GraphError("The model's home has what is no number; export it again.") from error
        if mean.ndim != 1 or mean.shape != scale.shape or not (np.isfinite(mean).all() and (scale > 0).all()):
            raise GraphError("The model's home has garbled means and scales; export it again.")
        return cls(settings, number(described, "distance", 1e-12, _MAX_NUMBER), Home(mean, scale))

    def nearest(self, ways: int, shots: float) -> Setting:
        """What was measured nearest to these ways and (mean) shots."""
        return min(self.settings, key=lambda s: abs(log(s.ways / ways)) + abs(log(s.shots / shots)))

    def similarities(self, features: Array, prototypes: Array) -> Array:
        """How near features [n, f] lie to the nearest prototype [ways, f]: [n], 1 at it.

        The median query of a known class has ½. On drawn characters it parts known classes from others far
        better than the highest probability does, which says only that no other class is likelier.
        """
        return np.exp2(-squared_distances(features, prototypes) / np.float32(self.distance))


def signature(centre: Centre, targets: Array) -> Array:
    """What tells one kind of support set from another under θ: its moments.

    Where a network has none, the first two moments of its features.
    """
    if len(centre.moments):
        return centre.moments
    weights = targets.sum(1)
    return np.concatenate([weights @ centre.features, weights @ (centre.features * centre.features)])


def prototypes(features: Array, targets: Array) -> Array:
    """The mean features of each class [ways, features]."""
    return (targets.T @ features) / targets.sum(0)[:, None]


def squared_distances(features: Array, prototypes: Array) -> Array:
    """How far features [n, f] lie from the nearest prototype [ways, f], squared: [n]."""
    offsets = features[:, None] - prototypes[None]
    return (offsets * offsets).sum(2).min(1)


def home_of(signatures: Sequence[Array]) -> Home:
    """Where these support sets lie."""
    stacked = np.stack(signatures)
    return Home(stacked.mean(0), stacked.std(0) + np.float32(1e-6))
