"""Smoothing keeps what is constant, where the curve begins and its gaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.smoothing import smoothed
from imaml.client import MetricPoint

VALUES = st.floats(-1e6, 1e6)


def _curve(values: list[float | None]) -> list[MetricPoint]:
    return [MetricPoint(step=step, inner_step=None, value=value) for step, value in enumerate(values)]


@given(st.lists(VALUES | st.none(), max_size=30), st.floats(0, 0.99))
def test_steps_and_gaps_stay(values: list[float | None], weight: float) -> None:
    curve = _curve(values)
    smooth = smoothed(curve, weight)
    assert [point.step for point in smooth] == [point.step for point in curve]
    assert [point.value is None for point in smooth] == [value is None for value in values]


@given(st.lists(VALUES, min_size=1, max_size=30), st.floats(0, 0.99))
def test_it_begins_where_the_curve_does_and_stays_within_it(values: list[float], weight: float) -> None:
    smooth = [point.value or 0.0 for point in smoothed(_curve(list(values)), weight)]
    slack = 1e-9 * max(map(abs, values))
    assert smooth[0] == pytest.approx(values[0])
    assert all(min(values) - slack <= value <= max(values) + slack for value in smooth)


def test_no_weight_changes_nothing() -> None:
    curve = _curve([1.0, None, 3.0])
    assert smoothed(curve, 0) == curve
