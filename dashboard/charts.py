"""Curves, in the colours of the theme."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Literal

import altair as alt
import streamlit as st

from imaml.client import MetricPoint, TracePoint

HEIGHT = 210  # pixels
MOST_LOOPS = 8  # inner loops in one chart
MOST_TICKS = 5  # on a logarithmic axis

Chart = alt.Chart | alt.LayerChart
Metrics = Mapping[str, Sequence[MetricPoint]]
Row = dict[str, str | float | None]


def show(chart: Chart, title: str, note: str = "") -> None:
    """Draw a chart under its title and what is to know about it."""
    with st.container(gap="xsmall"):
        st.markdown(f"**{title}**" + (f"  \n:small[:gray[{note}]]" if note else ""))
        st.altair_chart(chart, width="stretch", height=HEIGHT, alt=title)


def trace(points: Sequence[TracePoint], field: Literal["loss", "residual"]) -> alt.Chart:
    """Return the loss or the residual by step of one adaptation."""
    rows: list[Row] = [{"step": point.step, "value": getattr(point, field)} for point in points]
    line = alt.Chart(_data(rows)).mark_line(point={"size": 30})
    return line.encode(_x("step", "step"), _y(rows, log=False), tooltip=_tooltip("step:Q"))


def curves(metrics: Metrics, names: Mapping[str, str], *, log: bool = False) -> alt.Chart:
    """Return metrics by meta-step; `names` says what each is called. A logarithmic axis leaves zeros out."""
    rows: list[Row] = [
        {"step": point.step, "value": _value(point, log), "curve": title}
        for name, title in names.items()
        for point in metrics.get(name, ())
    ]
    line = alt.Chart(_data(rows)).mark_line(point={"size": 18} if len(rows) < 60 else False)
    axes = _x("step", "meta-step"), _y(rows, log=log)
    if len(names) == 1:
        return line.encode(*axes, tooltip=_tooltip("step:Q"))
    return line.encode(*axes, *_told_apart(list(names.values())), tooltip=_tooltip("curve:N", "step:Q"))


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
    colour, _ = _told_apart(list(titles.values()))
    band = alt.Chart(_data(rows)).mark_area(opacity=0.15)
    return alt.LayerChart(
        layer=[band.encode(_x("step", "meta-step"), alt.Y("low:Q"), alt.Y2("high:Q"), colour), lines]
    )


def confusion(pairs: Sequence[tuple[str, str]]) -> alt.LayerChart:
    """Return how often images of each class (rows) got each answer (columns)."""
    rows: list[Row] = [
        {"class": truth, "answer": answer, "images": number}
        for (truth, answer), number in Counter(pairs).items()
    ]
    base = alt.Chart(_data(rows)).encode(
        alt.X("answer:N", title="answer", axis=alt.Axis(labelAngle=0)), alt.Y("class:N", title="class")
    )
    cells = base.mark_rect().encode(alt.Color("images:Q", legend=None))
    numbers = base.mark_text().encode(alt.Text("images:Q"))
    return alt.LayerChart(layer=[cells, numbers])


def inner_loops(metrics: Metrics) -> alt.Chart:
    """Return the support loss by inner step, a curve for each of some meta-steps spread over the training."""
    points = metrics.get("inner_loss", ())
    chosen = set(_spread(sorted({point.step for point in points}), MOST_LOOPS))
    rows: list[Row] = [
        {"meta-step": point.step, "step": point.inner_step, "value": point.value}
        for point in points
        if point.step in chosen
    ]
    colour = alt.Color("meta-step:Q", legend=alt.Legend(gradientLength=110))
    line = alt.Chart(_data(rows)).mark_line(point={"size": 18})
    axes = _x("step", "inner step"), _y(rows, log=False)
    return line.encode(*axes, colour, alt.Detail("meta-step:Q"), tooltip=_tooltip("meta-step:Q", "step:Q"))


def _data(rows: list[Row]) -> alt.InlineData:
    return alt.InlineData(values=rows)


def _x(field: str, title: str) -> alt.X:
    # Steps are whole numbers, so are the ticks.
    return alt.X(f"{field}:Q", title=title, axis=alt.Axis(tickMinStep=1, format="d", grid=False))


def _y(rows: Sequence[Row], *, log: bool) -> alt.Y:
    if not log:
        return alt.Y(
            "value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format=".3~g", tickCount=4)
        )
    exponents = [log10(value) for row in rows if isinstance(value := row["value"], float)] or [0.0]
    low, high = floor(min(exponents)), ceil(max(exponents))
    decades = [10.0**exponent for exponent in range(low, high + 1, ceil((high - low + 1) / MOST_TICKS))]
    return alt.Y(
        "value:Q", title=None, scale=alt.Scale(type="log"), axis=alt.Axis(format=".3~g", values=decades)
    )


def _told_apart(titles: list[str]) -> tuple[alt.Color, alt.StrokeDash]:
    colour = alt.Color(
        "curve:N",
        sort=titles,
        title=None,
        legend=alt.Legend(orient="top", symbolType="stroke", symbolOpacity=1),
    )
    return colour, alt.StrokeDash("curve:N", sort=titles, title=None)


def _tooltip(*fields: str) -> list[alt.Tooltip]:
    return [*(alt.Tooltip(field) for field in fields), alt.Tooltip("value:Q", format=".4~g")]


def _value(point: MetricPoint, log: bool) -> float | None:
    return None if log and point.value == 0 else point.value


def _spread(steps: Sequence[int], most: int) -> Sequence[int]:
    if len(steps) <= most:
        return steps
    return [steps[round(index * (len(steps) - 1) / (most - 1))] for index in range(most)]
