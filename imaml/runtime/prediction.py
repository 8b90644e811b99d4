"""Predictions from adapted parameters."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.adaptation import Adapted, to_input
from imaml.runtime.graphs import Graphs

_AT_ONCE = 64  # bounds memory


@dataclass(frozen=True)
class Prediction:
    """The answer to one image."""

    label: str
    confidence: float
    unknown: bool
    """Less confident than 98 % of right classes' examples were in validation: probably none of these."""
    probabilities: dict[str, float]


def predict(graphs: Graphs, adapted: Adapted, images: NDArray[np.uint8]) -> list[Prediction]:
    """Classify preprocessed images [n, 28, 28], each on its own."""
    predictions: list[Prediction] = []
    for first in range(0, len(images), _AT_ONCE):
        inputs = to_input(images[first : first + _AT_ONCE])
        for row in graphs.predict(adapted.phi, adapted.moments, inputs):
            best = int(row.argmax())
            confidence = float(row[best])
            predictions.append(
                Prediction(
                    label=adapted.classes[best],
                    confidence=confidence,
                    unknown=confidence < adapted.unknown_threshold,
                    probabilities=dict(zip(adapted.classes, map(float, row), strict=True)),
                )
            )
    return predictions
