"""Charts of one adaptation and of its answers."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import altair as alt

from dashboard.charts.frame import Row, data_of, steps, tooltip, values
from imaml.client import TracePoint


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
    cells = base.mark_rect().encode(alt.Color("images:Q", legend=None))
    numbers = base.mark_text().encode(alt.Text("images:Q"))
    return alt.LayerChart(layer=[cells, numbers])
