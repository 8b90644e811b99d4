"""How a solve ended, in sentences that say what to change."""

from enum import IntEnum
from typing import Self


class Status(IntEnum):
    """Why a solver stopped; `sentence` says what to do about it."""

    sentence: str

    def __new__(cls, code: int, sentence: str) -> Self:
        """Pair each code, which fits into a tensor, with its sentence."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    CONVERGED = 0, "The residual reached the tolerance."
    STEP_LIMIT = 1, "The step limit was reached first; allow more steps or a larger tolerance."
    NEGATIVE_CURVATURE = (
        2,
        "The curvature was negative along a search direction; raise λ or the damping.",
    )
    NON_FINITE = 3, "The residual became infinite or NaN; lower the learning rate or raise λ."
    LINE_SEARCH = 4, "No step along the last direction lowered the objective; raise λ or the tolerance."
    DIVERGED = 5, "The residual grew; lower the rate of the series, raise λ or the damping."
