"""One metric of all experiments on one axis, or its mean over seeds."""

from collections.abc import Sequence
from math import exp, log

import streamlit as st

from dashboard.charts import comparison
from dashboard.charts.frame import Row, show
from dashboard.charts.smoothing import smoothed
from dashboard.review.comparison.address import chosen
from dashboard.review.comparison.groups import Group, group_labels, mean_curve
from dashboard.review.comparison.run import Run
from dashboard.review.panels import PANELS
from imaml.client import MetricPoint

TITLES = {panel.metric: panel.title for panel in PANELS} | {
    "validation_accuracy_unadapted": "Validation accuracy without adaptation",
    "inner_residual": "Residual of the inner problem",
    "linear_residual": "Residual of the linear system",
}
LOGARITHMIC = ("meta_gradient_norm", "inner_residual", "linear_residual")
LARGEST = 700  # a logarithm whose power is still a float
WIDTHS = "validation_ci95"  # of intervals: no curve of its own

GROUPED = (
    "Draws the mean of the experiments that differ in their seed alone, with its 95 % confidence interval "
    "(Student's t over the seeds; none for a single seed), on a logarithmic axis the geometric mean. "
    "Of two with the same seed the newer counts."
)
SMOOTHED = "Weight of what came before in a moving average; 0 shows what was measured."


def curves(runs: Sequence[Run], groups: Sequence[Group]) -> None:
    """Draw the metric that one chooses, smoothed and by seed as one chooses."""
    metrics = measured(runs)
    if not metrics:
        st.caption("Nothing has been measured yet.")
        return
    with st.grid(3, min_column_width=220, vertical_alignment="bottom"):
        metric = chosen("metric", "Metric", metrics, _title)
        weight = st.slider(
            "Smoothing", 0.0, 0.99, 0.0, 0.01, key="smoothing", bind="query-params", help=SMOOTHED
        )
        seeds = any(len(group.runs) > 1 for group in groups)
        grouped = seeds and st.toggle("Group by seed", key="by_seed", bind="query-params", help=GROUPED)
    if grouped:
        drawn = {group.runs[0].id: name for group, name in zip(groups, group_labels(groups), strict=True)}
        rows = [row for group in groups for row in _mean(group, drawn[group.runs[0].id], metric, weight)]
    else:
        drawn = {run.id: run.label for run in runs}
        rows = [row for run in runs for row in _curve(run, metric, weight)]
    chart = comparison.curves(rows, {run.id: run.label for run in runs}, drawn, log=metric in LOGARITHMIC)
    note = "Click a name below to single out its curve, twice to see all again." if len(drawn) > 1 else ""
    show(chart, _title(metric), note, "content")


def measured(runs: Sequence[Run]) -> list[str]:
    """Return the metrics by meta-step that any of the runs has, the familiar ones first."""
    there = {
        name
        for run in runs
        for name, points in run.metrics.items()
        if name != WIDTHS
        and any(point.value is not None for point in points)
        and points[0].inner_step is None
    }
    return [*(name for name in TITLES if name in there), *sorted(there - TITLES.keys())]


def _curve(run: Run, metric: str, weight: float) -> list[Row]:
    points = smoothed(run.metrics.get(metric, ()), weight)
    return [
        {"curve": run.id, "label": run.label, "step": point.step, "value": _drawable(point.value, metric)}
        for point in points
    ]


def _mean(group: Group, label: str, metric: str, weight: float) -> list[Row]:
    mean = mean_curve([_scaled(smoothed(run.metrics.get(metric, ()), weight), metric) for run in group.runs])
    return [
        {
            "curve": group.runs[0].id,
            "label": label,
            "step": step,
            "value": _unscaled(at.mean, metric),
            "low": _unscaled(at.low, metric),
            "high": _unscaled(at.high, metric),
            "seeds": at.n,
        }
        for step, at in mean
    ]


def _scaled(points: Sequence[MetricPoint], metric: str) -> Sequence[MetricPoint]:
    """The points as their axis places them: of the logarithms mean and interval stay above zero."""
    if metric not in LOGARITHMIC:
        return points
    return [
        point.model_copy(update={"value": value and log(value)})
        for point in points
        for value in [_drawable(point.value, metric)]
    ]


def _unscaled(value: float | None, metric: str) -> float | None:
    if value is None or metric not in LOGARITHMIC:
        return value
    return exp(max(-LARGEST, min(value, LARGEST)))


def _drawable(value: float | None, metric: str) -> float | None:
    """None where a logarithmic axis has no place for it."""
    return None if value is None or (metric in LOGARITHMIC and value <= 0) else value


def _title(metric: str) -> str:
    return TITLES.get(metric, metric.replace("_", " ").capitalize())
