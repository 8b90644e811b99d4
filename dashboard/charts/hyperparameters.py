"""Charts of how the accuracy depends on numeric settings."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import altair as alt

from dashboard.charts.frame import Row, data_of

ACCURACY = "accuracy"  # the last axis
LOGARITHMIC = 20  # times the lowest value that the highest is where an axis is logarithmic
NUMBERED = 8  # columns of a heat map, up to which its cells have room for numbers
PERCENT = ".1%"
LIGHT, DARK, INK = "#e6eaf8", "#21378f", "#0b1230"  # ends of the heat map's colours, and what is on them

Line = Mapping[str, float]
"""Of an experiment: its value on each axis."""


@dataclass(frozen=True)
class Scale:
    """One of several upright axes: from `low` at 0 to `high` at 1, logarithmic over wide ranges."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Scale":
        """Return the scale that these values fill."""
        return cls(min(values), max(values))

    def at(self, value: float) -> float:
        """Return where a value lies; in the middle where all are the same."""
        if self.low == self.high:
            return 0.5
        if 0 < self.low * LOGARITHMIC <= self.high:
            return (log(value) - log(self.low)) / (log(self.high) - log(self.low))
        return (value - self.low) / (self.high - self.low)


def parallel(lines: Mapping[str, Line]) -> alt.LayerChart:
    """Return a line for each experiment, by label, across an axis for each setting and ACCURACY."""
    axes = [*next(iter(lines.values()))]
    scales = {axis: Scale.of([line[axis] for line in lines.values()]) for axis in axes}
    rows: list[Row] = [
        {
            "label": label,
            "setting": axis,
            "at": scales[axis].at(line[axis]),
            "value": line[axis],
            "accuracy": line[ACCURACY],
        }
        for label, line in lines.items()
        for axis in axes
    ]
    colour = alt.Color(
        "accuracy:Q",
        title="accuracy",
        scale=alt.Scale(zero=False),
        legend=alt.Legend(format=PERCENT, orient="top"),
    )
    told = _told("label:N", "setting:N", "value:Q")
    line_ = alt.Chart(data_of(rows)).mark_line(point={"size": 45, "opacity": 1})
    low = {axis: [_number(axis, scale.low), axis] for axis, scale in scales.items()}
    high = {axis: [_number(axis, scale.high)] for axis, scale in scales.items()}
    top = alt.Chart(data_of(rows)).mark_point(opacity=0).encode(_across(axes, "top", high), _up())
    bottom = line_.encode(_across(axes, "bottom", low), _up(), colour, alt.Detail("label:N"), tooltip=told)
    return alt.LayerChart(layer=[top, bottom]).resolve_axis(x="independent")


def heat_map(cells: list[Row], across: str, down: str) -> alt.LayerChart:
    """Return the mean accuracy by two settings; a cell has `across`, `down`, `accuracy` and `n`."""
    base = alt.Chart(data_of(cells)).encode(
        alt.X("across:O", title=across, axis=alt.Axis(labelAngle=0)),
        alt.Y("down:O", title=down, sort="descending"),
        tooltip=[alt.Tooltip("across:O", title=across), alt.Tooltip("down:O", title=down), *_told("n:Q")],
    )
    # Colours of their own, so that what is written on them is read by day and by night.
    rectangles = base.mark_rect().encode(
        alt.Color("accuracy:Q", legend=None, scale=alt.Scale(zero=False, range=[LIGHT, DARK]))
    )
    if len({cell["across"] for cell in cells}) > NUMBERED:
        return alt.LayerChart(layer=[rectangles])
    accuracies = [cell["accuracy"] for cell in cells if isinstance(cell["accuracy"], float)]
    middle = (min(accuracies) + max(accuracies)) / 2
    ink = alt.condition(f"datum.accuracy > {middle}", alt.value(LIGHT), alt.value(INK))
    numbers = base.mark_text(fontWeight=600).encode(alt.Text("accuracy:Q", format=PERCENT), color=ink)
    return alt.LayerChart(layer=[rectangles, numbers])


def _across(axes: Sequence[str], side: Literal["top", "bottom"], told: Mapping[str, list[str]]) -> alt.X:
    """The axes beside each other; what is told of each stands at one end, in lines."""
    labels = f"{json.dumps(dict(told))}[datum.value]"
    axis = alt.Axis(
        orient=side,
        labelExpr=labels,
        labelAngle=0,
        labelLimit=0,
        labelOverlap=False,
        domain=False,
        ticks=False,
        grid=True,
        offset=8,
    )
    return alt.X("setting:N", sort=[*axes], title=None, scale=alt.Scale(padding=0.4), axis=axis)


def _up() -> alt.Y:
    return alt.Y("at:Q", axis=None, scale=alt.Scale(domain=[0, 1]))


def _number(axis: str, value: float) -> str:
    return f"{100 * value:.1f} %" if axis == ACCURACY else f"{value:g}"


def _told(*fields: str) -> list[alt.Tooltip]:
    return [*(alt.Tooltip(field) for field in fields), alt.Tooltip("accuracy:Q", format=PERCENT)]
