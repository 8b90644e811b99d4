"""Charts of one adaptation and of its answers."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import altair as alt
import streamlit as st

from dashboard.charts.frame import Row, data_of, steps, tooltip, values
from imaml.client import TracePoint

RING = "#c8741a"  # seen on both grounds


def trace(points: Sequence[TracePoint], field: Literal["loss", "residual"]) -> alt.Chart:
    """Return the loss or the residual by step of one adaptation."""
    rows: list[Row] = [{"step": point.step, "value": getattr(point, field)} for point in points]
    line = alt.Chart(data_of(rows)).mark_line(point={"size": 30})
    return line.encode(steps("step", "step"), values(rows, log=False), tooltip=tooltip("step:Q"))


def confusion(pairs: Sequence[tuple[str, str]]) -> alt.LayerChart:
    """Return how often images of each class (rows) got each answer (columns)."""
    rows: list[Row] = [
        {"class": truth, "answer": answer, "images": number}
        for (truth, answer), number in Counter(pairs).items()
    ]
    base = alt.Chart(data_of(rows)).encode(
        alt.X("answer:N", title="answer", axis=alt.Axis(labelAngle=0)), alt.Y("class:N", title="class")
    )
    most = max(Counter(pairs).values())
    cells = base.mark_rect().encode(_faint("images", most))
    numbers = base.mark_text(color=_ink()).encode(alt.Text("images:Q"))
    return alt.LayerChart(layer=[cells, numbers])


def strength(rows: list[Row], *, coloured: bool) -> alt.LayerChart:
    """Return a map by λ and steps of rows that say `answer`, its `share`, the `text` in the cell and `own`.

    Another answer has another colour, where it is `coloured`; `own` marks the setting in force.
    """
    lams, numbers = ([*dict.fromkeys(str(row[field]) for row in rows)] for field in ("λ", "steps"))
    base = alt.Chart(data_of(rows)).encode(
        alt.X("λ:N", sort=lams, axis=alt.Axis(labelAngle=0)),
        alt.Y("steps:N", sort=numbers[::-1]),
        tooltip=["λ:N", "steps:N", "answer:N", alt.Tooltip("text:N", title="share")],
    )
    cells = base.mark_rect().encode(_faint("share", 1))
    if coloured:
        cells = cells.encode(alt.Color("answer:N", title=None, legend=alt.Legend(orient="top")))
    ring = base.transform_filter("datum.own").mark_rect(filled=False, stroke=RING, strokeWidth=2)
    texts = base.mark_text(color=_ink()).encode(alt.Text("text:N"))
    return alt.LayerChart(layer=[cells, ring, texts])


def _faint(field: str, most: float) -> alt.Opacity:
    """Return how a cell is filled: never so much that text on it could not be read, by day and by night."""
    return alt.Opacity(f"{field}:Q", legend=None, scale=alt.Scale(domain=[0, most], range=[0.05, 0.6]))


def _ink() -> str:
    """Return the colour of text on cells, which the theme leaves black by night too."""
    return "#e7eceb" if st.context.theme.type == "dark" else "#1b2437"
