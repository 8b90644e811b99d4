"""Differences are taken on the same episodes alone, and are as differences must be."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.review.comparison.paired import differences, same_classes, scores
from tests.dashboard.review.comparison.runs import NOW, SPLIT, evaluation, run

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=50)


@given(PAIRS)
def test_the_other_way_round_it_is_the_opposite(pairs: list[tuple[float, float]]) -> None:
    one, two = (
        run(name, evaluations=[evaluation(list(each))])
        for name, each in zip("ab", zip(*pairs, strict=True), strict=True)
    )
    [there], [back] = differences(one, two), differences(two, one)
    assert there.interval.mean == pytest.approx(-back.interval.mean, abs=1e-12)
    assert there.interval.half == pytest.approx(back.interval.half, abs=1e-12)
    assert there.interval.mean == pytest.approx(there.evaluation.accuracy - there.baseline.accuracy, abs=1e-9)


@given(PAIRS)
def test_against_itself_it_is_zero(pairs: list[tuple[float, float]]) -> None:
    one = run("a", evaluations=[evaluation([first for first, _ in pairs])])
    [same] = differences(one, one)
    assert (same.interval.mean, same.interval.half, same.interval.n) == (0, 0, len(pairs))
    assert not same.interval.excludes_zero


def test_what_is_hard_for_both_does_not_widen_it() -> None:
    hard = [0.2, 0.9, 0.4, 0.7, 0.1]
    one = run("a", evaluations=[evaluation(hard)])
    two = run("b", evaluations=[evaluation([value + 0.05 for value in hard])])
    [found] = differences(one, two)
    assert found.interval.mean == pytest.approx(0.05)
    assert found.interval.half == pytest.approx(0, abs=1e-12)
    assert found.interval.excludes_zero


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "omniglot"}, {"split": "validation"}, {"ways": 2}, {"shots": 5}, {"queries": 1},
        {"seed": 2}, {"transductive": True},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_other_episodes_are_not_compared(other: dict[str, object]) -> None:
    one = run("a", evaluations=[evaluation([0.5, 0.6])])
    assert differences(one, run("b", evaluations=[evaluation([0.5, 0.6])]))
    assert not differences(one, run("b", evaluations=[evaluation([0.5, 0.6], **other)]))


def test_another_number_of_episodes_is_not_compared() -> None:
    one, two = (run("a", evaluations=[evaluation(each)]) for each in ([0.5, 0.6], [0.5, 0.6, 0.7]))
    assert not differences(one, two)


@pytest.mark.parametrize(
    ("fingerprint", "split"),
    [("other", SPLIT), (None, SPLIT), ("f", SPLIT | {"test": ["d", "x"]}), ("f", {})],
    ids=["other images", "unknown images", "other classes", "no such split"],
)
def test_other_images_or_classes_are_not_compared(
    fingerprint: str | None, split: dict[str, list[str]]
) -> None:
    made = [evaluation([0.5, 0.6])]
    one, two = run("a", evaluations=made), run("b", evaluations=made, fingerprint=fingerprint, split=split)
    assert not differences(one, two)
    assert not same_classes(one, two, "test")


def test_training_classes_may_differ() -> None:
    made = [evaluation([0.5, 0.6])]
    one, two = run("a", evaluations=made), run("b", evaluations=made, split=SPLIT | {"train": ["z"]})
    assert differences(one, two)
    assert same_classes(one, two, "test")


def test_all_classes_are_the_same_where_the_images_are() -> None:
    made = [evaluation([0.5, 0.6], split="all")]
    assert differences(run("a", evaluations=made), run("b", evaluations=made, split={}))
    assert not differences(run("a", evaluations=made), run("b", evaluations=made, fingerprint="other"))


def test_images_that_neither_was_trained_on_are_not_known_to_be_the_same() -> None:
    made = [evaluation([0.5, 0.6], split="all", dataset="folder")]
    assert scores(run("a", evaluations=made)) == {}


def test_of_two_evaluations_on_the_same_episodes_the_newest_counts() -> None:
    old, new = evaluation([0.1, 0.2]), evaluation([0.8, 0.9], created_at=NOW + timedelta(1))
    for made in ([old, new], [new, old]):
        assert [*scores(run("a", evaluations=made)).values()] == [new]
