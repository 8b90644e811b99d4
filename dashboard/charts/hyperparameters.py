"""Charts of how the accuracy depends on numeric settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import altair as alt

from dashboard.charts.frame import Row, data_of

ACCURACY = "validation accuracy"  # the last axis
LOGARITHMIC = 20  # times the lowest value that the highest is where an axis is logarithmic
NUMBERED = 8  # columns of a heat map, up to which its cells have room for numbers
PERCENT = ".1%"

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
            return log(value / self.low) / log(self.high / self.low)
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
        legend=alt.Legend(type="gradient", format=PERCENT, gradientLength=160, orient="top"),
    )
    line = (
        alt.Chart(data_of(rows))
        .mark_line(point={"size": 45, "opacity": 1})
        .encode(
            _across(axes),
            _up(),
            colour,
            alt.Detail("label:N"),
            tooltip=_told("label:N", "setting:N", "value:Q"),
        )
    )
    return alt.LayerChart(layer=[line, *_ends(scales)])


def heat_map(cells: list[Row], across: str, down: str) -> alt.LayerChart:
    """Return the mean accuracy by two settings; a cell has `across`, `down`, `accuracy` and `n`."""
    base = alt.Chart(data_of(cells)).encode(
        alt.X("across:O", title=across, axis=alt.Axis(labelAngle=0)),
        alt.Y("down:O", title=down, sort="descending"),
        tooltip=[alt.Tooltip("across:O", title=across), alt.Tooltip("down:O", title=down), *_told("n:Q")],
    )
    # Washed out, so that the theme's ink is read on the darkest of them.
    rectangles = base.mark_rect(opacity=0.5).encode(
        alt.Color("accuracy:Q", legend=None, scale=alt.Scale(zero=False))
    )
    if len({cell["across"] for cell in cells}) > NUMBERED:
        return alt.LayerChart(layer=[rectangles])
    numbers = base.mark_text(fontWeight=600).encode(alt.Text("accuracy:Q", format=PERCENT))
    return alt.LayerChart(layer=[rectangles, numbers])


def _across(axes: Sequence[str]) -> alt.X:
    axis = alt.Axis(
        labelAngle=-25, labelLimit=120, labelOverlap=False, domain=False, ticks=False, grid=True, offset=14
    )
    return alt.X("setting:N", sort=[*axes], title=None, scale=alt.Scale(padding=0.4), axis=axis)


def _up() -> alt.Y:
    return alt.Y("at:Q", axis=None, scale=alt.Scale(domain=[0, 1]))


def _ends(scales: Mapping[str, Scale]) -> list[alt.Chart]:
    """The numbers below and above each axis."""
    ends = [("low", 0, 14), ("high", 1, -12)]
    return [
        alt.Chart(
            data_of(
                [
                    {"setting": axis, "at": at, "text": _number(axis, getattr(scale, end))}
                    for axis, scale in scales.items()
                ]
            )
        )
        .mark_text(dy=shift, fontSize=11)
        .encode(_across([*scales]), _up(), alt.Text("text:N"))
        for end, at, shift in ends
    ]


def _number(axis: str, value: float) -> str:
    return f"{100 * value:.1f} %" if axis == ACCURACY else f"{value:g}"


def _told(*fields: str) -> list[alt.Tooltip]:
    return [*(alt.Tooltip(field) for field in fields), alt.Tooltip("accuracy:Q", format=PERCENT)]
