"""Charts of several experiments: each has one colour and one dash in all of them."""

import json
from collections.abc import Mapping, Sequence

import altair as alt

from dashboard.charts.frame import Row, data_of, steps, values

GREY = "#7c879b"  # seen by day and by night

DASHES = ([1, 0], [6, 3], [2, 2], [10, 3, 2, 3], [10, 4])
"""Five, where the theme has six colours: thirty experiments before a pair of them comes again."""

HEIGHT = 300  # pixels of the curves; the legend below takes what it needs
NAME = 310  # pixels that a name has room for in the legend, where the page is so wide
PAGE = "containerSize()[0]"  # in pixels
FAINT = 0.12  # opacity of the curves beside the one singled out
SPOT, MOST_SEEN = 25, 100  # square pixels of a point, and how many are seen
MOST_SHAPES = 2000  # that are drawn one by one before the page grows slow

Labels = Mapping[str, str]
"""What each experiment is called, by its id and in the order of their colours."""


def curves(rows: list[Row], experiments: Labels, drawn: Labels, *, log: bool = False) -> alt.LayerChart:
    """Return curves by meta-step; a band where rows have bounds. A click on the legend singles one out.

    A row has `curve` (an experiment's id), `label`, `step`, `value`, and where it is a mean `low`, `high`
    and `seeds`; `drawn` says what the legend calls the curves.
    """
    click = alt.selection_point(fields=["curve"], bind="legend")
    colour, dash = _marks(experiments, drawn)
    base = alt.Chart(data_of(rows)).encode(steps("step", "meta-step"), colour)
    band = base.mark_area(opacity=0.15).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    up, singled = values(rows, log=log), alt.condition(click, alt.value(1), alt.value(FAINT))
    line = base.mark_line().encode(up, dash, opacity=singled).add_params(click)
    # What is told of a point needs one under the pointer, seen or not.
    points = base.mark_circle(size=SPOT).encode(
        up,
        opacity=singled if len(rows) <= MOST_SEEN else alt.value(0),
        tooltip=_told(rows, "label:N", "step:Q", "seeds:Q"),
    )
    layers = alt.LayerChart(layer=[band, line, points], height=HEIGHT)
    fitted = layers.properties(autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    return _light(fitted, len(rows))


def forest(rows: list[Row], experiments: Labels) -> alt.LayerChart:
    """Return differences with their intervals, one below the other, and a line at zero.

    A row has `curve` (an experiment's id), `label`, `value`, `low`, `high` and `episodes`.
    """
    colour, _ = _marks(experiments, {}, legend=False)
    tooltip = [
        *_told(rows, "label:N", "episodes:Q"),
        *(alt.Tooltip(f"{bound}:Q", format="+.2f") for bound in ("low", "high")),
    ]
    base = alt.Chart(data_of(rows)).encode(
        alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=alt.ExprRef(f"{PAGE} / 3"))),
        colour,
        tooltip=tooltip,
    )
    across = alt.X("value:Q", title="difference in points", axis=alt.Axis(format="+.3~g"))
    zero = alt.Chart(data_of([{"value": 0.0}])).mark_rule(strokeDash=[4, 3], color=GREY).encode(across)
    bounds = base.mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q"))
    return alt.LayerChart(
        layer=[zero, bounds, base.mark_point(filled=True, size=70, opacity=1).encode(across)]
    )


def _marks(experiments: Labels, drawn: Labels, *, legend: bool = True) -> tuple[alt.Color, alt.StrokeDash]:
    ids = [*experiments]
    shown = alt.Legend(
        orient="bottom",
        columns=alt.ExprRef(f"max(1, floor({PAGE} / {NAME + 30}))"),
        labelLimit=NAME,
        symbolType="stroke",
        symbolOpacity=1,
        symbolSize=250,
        values=[*drawn],
        labelExpr=f"{json.dumps(dict(drawn))}[datum.value]",
    )
    dashes = alt.Scale(domain=ids, range=[DASHES[index % len(DASHES)] for index in range(len(ids))])
    return (
        alt.Color("curve:N", title=None, scale=alt.Scale(domain=ids), legend=shown if legend else None),
        alt.StrokeDash("curve:N", title=None, scale=dashes, legend=shown if legend else None),
    )


def _told(rows: Sequence[Row], *fields: str) -> list[alt.Tooltip]:
    there = [field for field in fields if any(row.get(field.split(":")[0]) is not None for row in rows)]
    return [*(alt.Tooltip(field) for field in there), alt.Tooltip("value:Q", format=".4~g")]


def _light(chart: alt.LayerChart, shapes: int) -> alt.LayerChart:
    """The chart as one picture where it has too many shapes to be drawn one by one."""
    if shapes <= MOST_SHAPES:
        return chart
    return chart.properties(usermeta={"embedOptions": {"renderer": "canvas"}})
