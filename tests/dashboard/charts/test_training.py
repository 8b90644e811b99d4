"""Curves hold what was measured, nothing else."""

import pytest

from dashboard.charts import training
from dashboard.charts.frame import Chart, Row
from imaml.client import MetricPoint


def _points(values: list[float | None]) -> list[MetricPoint]:
    return [MetricPoint(step=step, inner_step=None, value=value) for step, value in enumerate(values)]


def _rows(chart: Chart) -> list[Row]:
    """What the chart shows; of a layered one, in its first layer."""
    spec = chart.to_dict()
    first = spec["layer"][0] if "layer" in spec else spec
    return spec["datasets"][first["data"]["name"]]


def _values(chart: Chart) -> list[object]:
    return [row["value"] for row in _rows(chart)]


def test_value_that_is_not_finite_leaves_a_gap() -> None:
    chart = training.curves({"loss": _points([0.5, None, 0.25])}, {"loss": "loss"})
    assert _values(chart) == [0.5, None, 0.25]


def test_logarithmic_axis_has_whole_decades_and_no_zero() -> None:
    chart = training.curves({"norm": _points([0.02, 0.0, 300.0])}, {"norm": "norm"}, log=True)
    assert _values(chart) == [0.02, None, 300.0]
    ticks = chart.to_dict()["encoding"]["y"]["axis"]["values"]
    assert ticks == pytest.approx([0.01, 1, 100])


def test_logarithmic_axis_without_any_value_is_drawn() -> None:
    training.curves({"norm": _points([0.0, None])}, {"norm": "norm"}, log=True).to_dict()


def test_band_is_the_confidence_interval() -> None:
    metrics = {"validation_accuracy": _points([0.9, 0.8]), "validation_ci95": _points([0.05])}
    band = _rows(training.validation(metrics))
    assert [(row["low"], row["high"]) for row in band] == [(pytest.approx(0.85), pytest.approx(0.95))]


@pytest.mark.parametrize("count", [1, 3, 8, 500])
def test_inner_loops_are_spread_over_the_training(count: int) -> None:
    points = [MetricPoint(step=step, inner_step=0, value=1.0) for step in range(count)]
    steps = [row["meta-step"] for row in _rows(training.inner_loops({"inner_loss": points}, "inner_loss"))]
    assert len(steps) == min(count, training.MOST_LOOPS)
    assert steps[0] == 0
    assert steps[-1] == count - 1
    legend = training.inner_loops({"inner_loss": points}, "inner_loss").to_dict()["encoding"]["color"][
        "legend"
    ]
    assert legend["values"] == steps
