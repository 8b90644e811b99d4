"""What a support set says of itself: each example answered by what is learned from the others."""

from dataclasses import dataclass

import numpy as np

from imaml.runtime.adaptation import adapt
from imaml.runtime.calibration import Calibration, squared_distances
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support

_DOUBT = 10  # examples after which a support set is believed as much as the validation classes
_CLOSEST = 0.5  # spread, in shares of the usual one, below which no support set is believed: copies have none


@dataclass(frozen=True)
class LeftOut:
    """One example under the parameters that are learned without it."""

    margin: float
    """Log probability of its label less that of the likeliest other one; below 0 it looks mislabelled."""
    squared_distance: float
    """Of its features from the nearest class's mean."""


def can_leave_out(support: Support, index: int) -> bool:
    """Whether its class has other examples."""
    return int((support.labels == support.labels[index]).sum()) > 1


def leave_out(model: MetaModel, support: Support, recipe: Recipe, index: int) -> LeftOut:
    """Learn from the other examples, and answer this one, whose class must have others."""
    others = support.without(index)
    adapted, _ = adapt(model, others, recipe)
    inputs = model.input.to_input(support.examples[index : index + 1])
    probabilities, features = model.graphs.predict(
        adapted.phi, adapted.moments, inputs, temperature=adapted.temperature
    )
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(probabilities[0]), np.float32(-100))  # where a probability underflows
    label = support.labels[index]
    return LeftOut(
        margin=float(logs[label] - np.delete(logs, label).max()),
        squared_distance=float(squared_distances(features, adapted.prototypes)[0]),
    )


def refined_threshold(calibration: Calibration, support: Support, left_out: list[LeftOut]) -> float:
    """The unknown threshold for classes as spread out as these.

    The model's threshold is of the spread of its validation classes, with a shot less, as here. Where the
    examples lie further apart it moves out, in proportion, and the more so the more of them there are.
    """
    ways = len(support.classes)
    setting = calibration.nearest(ways, support.shots)
    usual = calibration.nearest(ways, max(1.0, support.shots - 1)).spread * calibration.distance
    ratio = float(np.mean([example.squared_distance for example in left_out])) / usual
    ratio = max(ratio, _CLOSEST)
    belief = len(left_out) / (len(left_out) + _DOUBT)
    return setting.unknown_threshold ** (ratio**belief)
