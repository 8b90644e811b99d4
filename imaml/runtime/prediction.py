"""Predictions from adapted parameters."""

from dataclasses import dataclass

from imaml.runtime.adaptation import Adapted
from imaml.runtime.graphs import Array
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Examples

_AT_ONCE = 64  # bounds memory


@dataclass(frozen=True)
class Prediction:
    """The answer to one example."""

    label: str
    confidence: float
    unknown: bool
    """Less similar than the threshold: probably none of these."""
    similarity: float
    """To the nearest class: 1 at the mean of its examples, ½ for the median query in validation."""
    probabilities: dict[str, float]


@dataclass(frozen=True)
class NumberPrediction:
    """The answer to one example in regression."""

    value: float


def predict(
    model: MetaModel,
    adapted: Adapted,
    examples: Examples,
    unknown_threshold: float | None,
    *,
    prepared: bool = False,
) -> list[Prediction] | list[NumberPrediction]:
    """Answer examples as the model's input has them, each on its own; with numbers in regression.

    Answers less similar than the threshold are unknown; None calls none so. Prepared examples are already
    what the input makes of them for the graphs.
    """
    predictions: list[Prediction] = []
    numbers: list[NumberPrediction] = []
    for first in range(0, len(examples), _AT_ONCE):
        some = examples[first : first + _AT_ONCE]
        inputs = some if prepared else model.input.to_input(some)
        answers, features = model.graphs.predict(adapted.phi, adapted.moments, inputs, adapted.temperature)
        if model.calibration is None:
            numbers += [NumberPrediction(float(row[0])) for row in answers]
            continue
        similarities = model.calibration.similarities(features, adapted.prototypes).tolist()
        predictions += [
            _prediction(adapted.classes, row, similarity, unknown_threshold or 0.0)
            for row, similarity in zip(answers, similarities, strict=True)
        ]
    return predictions or numbers


def _prediction(
    classes: tuple[str, ...], probabilities: Array, similarity: float, unknown_threshold: float
) -> Prediction:
    best = int(probabilities.argmax())
    shares = probabilities.tolist()
    return Prediction(
        label=classes[best],
        confidence=shares[best],
        unknown=similarity < unknown_threshold,
        similarity=similarity,
        probabilities=dict(zip(classes, shares, strict=True)),
    )
