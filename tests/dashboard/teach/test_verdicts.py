"""Which of two that answer the same questions is better, and what chance makes of that."""

import pytest

from dashboard.teach.verdicts import paired, right, said, sign_test
from imaml.client import Prediction


def _answer(label: str, *, unknown: bool = False) -> Prediction:
    return Prediction(label=label, confidence=0.9, unknown=unknown, similarity=1, probabilities={label: 0.9})


def test_an_answer_that_is_none_of_the_classes_is_never_right() -> None:
    answers = [_answer("cat"), _answer("cat", unknown=True), _answer("dog")]
    assert right(answers, ["cat", "cat", "cat"]) == [True, False, False]
    assert [said(answer) for answer in answers] == ["cat", "none of these", "dog"]


@pytest.mark.parametrize(
    ("wins", "losses", "expected"),
    [(0, 0, 1), (1, 0, 1), (5, 0, 2 / 32), (0, 5, 2 / 32), (8, 2, 2 * (1 + 10 + 45) / 1024), (3, 3, 1)],
)
def test_sign_test_counts_the_ways_to_be_as_far_ahead(wins: int, losses: int, expected: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            "1100",
            "1010",
            "Both are right on 1 image, only A on 1, only B on 1, neither on 1. Neither is ahead.",
        ),
        (
            "111111",
            "000000",
            "A is ahead: were both equally good, one would be as far ahead in 3 % of cases.",
        ),
        ("111", "000", "A has more right, which may be chance: were both equally good, one would be"),
        ("0", "1", "B has one more right, which says nothing yet: try more images."),
        ("11100", "00011", "A has one more right, which says nothing yet: try more images."),
    ],
)
def test_pairs_are_put_into_words(first: str, second: str, expected: str) -> None:
    verdicts = ([letter == "1" for letter in each] for each in (first, second))
    assert expected in paired(*verdicts)
