"""Charts of a training run: what it measured, by meta-step."""

from collections.abc import Mapping, Sequence

import altair as alt

from dashboard.charts.frame import Row, data_of, steps, told_apart, tooltip, values
from imaml.client import MetricPoint

MOST_LOOPS = 8  # inner loops in one chart

Metrics = Mapping[str, Sequence[MetricPoint]]


def curves(metrics: Metrics, names: Mapping[str, str], *, log: bool = False) -> alt.Chart:
    """Return metrics by meta-step; `names` says what each is called. A logarithmic axis leaves zeros out."""
    rows: list[Row] = [
        {"step": point.step, "value": _value(point, log), "curve": title}
        for name, title in names.items()
        for point in metrics.get(name, ())
    ]
    line = alt.Chart(data_of(rows)).mark_line(point={"size": 18} if len(rows) < 60 else False)
    axes = steps("step", "meta-step"), values(rows, log=log)
    if len(names) == 1:
        return line.encode(*axes, tooltip=tooltip("step:Q"))
    return line.encode(*axes, *told_apart(list(names.values())), tooltip=tooltip("curve:N", "step:Q"))


def validation(metrics: Metrics) -> alt.LayerChart:
    """Return the validation accuracy by meta-step, with and without adaptation and its 95 % interval."""
    titles = {"validation_accuracy": "adapted", "validation_accuracy_unadapted": "without adaptation"}
    lines = curves(metrics, titles)
    widths = {point.step: point.value for point in metrics.get("validation_ci95", ())}
    rows: list[Row] = [
        {"step": point.step, "low": point.value - width, "high": point.value + width, "curve": "adapted"}
        for point in metrics.get("validation_accuracy", ())
        if point.value is not None and (width := widths.get(point.step)) is not None
    ]
    colour, _ = told_apart(list(titles.values()))
    band = alt.Chart(data_of(rows)).mark_area(opacity=0.15)
    return alt.LayerChart(
        layer=[band.encode(steps("step", "meta-step"), alt.Y("low:Q"), alt.Y2("high:Q"), colour), lines]
    )


def inner_loops(metrics: Metrics, metric: str) -> alt.Chart:
    """Return a metric by inner step, a curve for each of some meta-steps spread over the training."""
    points = metrics.get(metric, ())
    chosen = _spread(sorted({point.step for point in points}), MOST_LOOPS)
    rows: list[Row] = [
        {"meta-step": point.step, "step": point.inner_step, "value": point.value}
        for point in points
        if point.step in chosen
    ]
    # The legend names the meta-steps drawn and no others.
    legend = alt.Legend(type="symbol", symbolType="stroke", symbolOpacity=1, values=[*chosen])
    colour = alt.Color("meta-step:Q", legend=legend)
    line = alt.Chart(data_of(rows)).mark_line(point={"size": 18})
    axes = steps("step", "inner step"), values(rows, log=False)
    return line.encode(*axes, colour, alt.Detail("meta-step:Q"), tooltip=tooltip("meta-step:Q", "step:Q"))


def _value(point: MetricPoint, log: bool) -> float | None:
    return None if log and (point.value or 0) <= 0 else point.value


def _spread(steps: Sequence[int], most: int) -> Sequence[int]:
    if len(steps) <= most:
        return steps
    return [steps[round(index * (len(steps) - 1) / (most - 1))] for index in range(most)]
