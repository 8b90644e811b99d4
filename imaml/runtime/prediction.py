"""Predictions from adapted parameters."""

from collections.abc import Iterator
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
    """Less confident than 98 % of right classes' examples were in validation: probably none of these."""
    probabilities: dict[str, float]


@dataclass(frozen=True)
class NumberPrediction:
    """The answer to one example in regression."""

    value: float


def predict(
    model: MetaModel, adapted: Adapted, examples: Examples
) -> list[Prediction] | list[NumberPrediction]:
    """Answer examples as the model's input has them, each on its own; with numbers in regression."""
    rows = _rows(model, adapted, examples)
    if model.regression:
        return [NumberPrediction(float(row[0])) for row in rows]
    return [_prediction(adapted, row) for row in rows]


def _rows(model: MetaModel, adapted: Adapted, examples: Examples) -> Iterator[Array]:
    for first in range(0, len(examples), _AT_ONCE):
        inputs = model.input.to_input(examples[first : first + _AT_ONCE])
        yield from model.graphs.predict(adapted.phi, adapted.moments, inputs)


def _prediction(adapted: Adapted, row: Array) -> Prediction:
    best = int(row.argmax())
    confidence = float(row[best])
    return Prediction(
        label=adapted.classes[best],
        confidence=confidence,
        unknown=adapted.unknown_threshold is not None and confidence < adapted.unknown_threshold,
        probabilities=dict(zip(adapted.classes, map(float, row), strict=True)),
    )
