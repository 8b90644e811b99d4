"""Answers judged: what each says, whether it is right, and which of two that answer the same is better."""

from collections.abc import Iterable, Sequence
from math import comb

from dashboard import sentences
from imaml.client import Prediction

SIGNIFICANCE = 0.05


def said(prediction: Prediction) -> str:
    """Return what an answer says."""
    return "none of these" if prediction.unknown else prediction.label


def is_right(prediction: Prediction, truth: str) -> bool:
    """Return whether an answer says the class that it is."""
    return prediction.label == truth and not prediction.unknown


def right(predictions: Iterable[Prediction], truths: Iterable[str]) -> list[bool]:
    """Return of each answer whether it is right."""
    return [is_right(prediction, truth) for prediction, truth in zip(predictions, truths, strict=True)]


def paired(first: Sequence[bool], second: Sequence[bool]) -> str:
    """Return in two sentences on which images either of two is right, and what chance makes of that."""
    pairs = list(zip(first, second, strict=True))
    only_first, only_second = pairs.count((True, False)), pairs.count((False, True))
    counts = (
        f"Both are right on {sentences.count(pairs.count((True, True)), 'image')}, only A on {only_first}, "
        f"only B on {only_second}, neither on {pairs.count((False, False))}."
    )
    if only_first == only_second:
        return f"{counts} Neither is ahead."
    chance = sign_test(only_first, only_second)
    leader = "A" if only_first > only_second else "B"
    if chance == 1:
        return f"{counts} {leader} has one more right, which says nothing yet: try more images."
    may_be = "has more right, which may be chance" if chance > SIGNIFICANCE else "is ahead"
    return (
        f"{counts} {leader} {may_be}: were both equally good, one would be as far ahead in "
        f"{sentences.percent(chance)} of cases."
    )


def sign_test(wins: int, losses: int) -> float:
    """Return the two-sided p-value of the exact sign test (McNemar's, for pairs of right and wrong)."""
    decided = wins + losses
    tail = sum(comb(decided, number) for number in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**decided)
