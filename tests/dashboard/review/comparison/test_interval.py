"""Intervals by Student's t: the published quantiles, and how a sample moves them."""

from math import sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dashboard.review.comparison.interval import critical, interval

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=30)

PUBLISHED = {
    1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228,
    15: 2.131, 20: 2.086, 25: 2.060, 30: 2.042, 40: 2.021, 60: 2.000, 80: 1.990, 100: 1.984, 120: 1.980,
}  # fmt: skip
"""NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2, column 0.975."""


@pytest.mark.parametrize("degrees", PUBLISHED)
def test_quantiles_are_those_published(degrees: int) -> None:
    assert round(critical(degrees), 3) == PUBLISHED[degrees]


def test_quantiles_come_down_to_those_of_the_normal_distribution() -> None:
    quantiles = [critical(degrees) for degrees in range(1, 200)]
    assert quantiles == sorted(quantiles, reverse=True)
    assert critical(20_000) == pytest.approx(1.95996, abs=2e-4)


def test_a_sample_by_hand() -> None:
    of = interval([1.0, 2.0, 3.0])
    assert (of.mean, of.n) == (2, 3)
    assert of.half == pytest.approx(4.302653 / sqrt(3))
    assert (of.low, of.high) == (pytest.approx(2 - 2.484138), pytest.approx(2 + 2.484138))


def test_one_value_has_no_interval() -> None:
    of = interval([0.5])
    assert (of.mean, of.half, of.low, of.high, of.n) == (0.5, None, None, None, 1)
    assert not of.excludes_zero


@given(VALUES, st.integers(2, 5))
def test_interval_shrinks_as_the_sample_grows(values: list[float], times: int) -> None:
    assume(len(set(values)) > 1)
    small, large = interval(values), interval(values * times)
    assert large.mean == pytest.approx(small.mean, abs=1e-9)
    assert (large.half or 0) < (small.half or 0)


@given(VALUES, st.floats(-10, 10), st.floats(0.1, 10))
def test_interval_moves_and_stretches_with_the_sample(
    values: list[float], shift: float, scale: float
) -> None:
    plain, moved = interval(values), interval([shift + scale * value for value in values])
    assert moved.mean == pytest.approx(shift + scale * plain.mean, abs=1e-6)
    assert moved.half == pytest.approx(scale * (plain.half or 0), abs=1e-6)


@pytest.mark.parametrize(
    ("values", "excludes"),
    [([1.0, 1.1, 0.9], True), ([-1.0, 1.1, 0.2], False), ([0.0, 0.0], False), ([-1.0, -1.1], True)],
)
def test_zero_is_excluded_where_it_lies_outside(values: list[float], excludes: bool) -> None:
    of = interval(values)
    assert of.excludes_zero is excludes
    assert of.excludes_zero is not ((of.low or 0) <= 0 <= (of.high or 0))
