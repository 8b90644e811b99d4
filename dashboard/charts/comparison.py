"""Charts of several experiments: each has one colour and one dash in all of them."""

import json
from collections.abc import Mapping, Sequence

import altair as alt

from dashboard.charts.frame import Row, data_of, steps, values

DASHES = ([1, 0], [6, 3], [2, 2], [10, 3, 2, 3], [10, 4])
"""Five, where the theme has six colours: thirty experiments before a pair of them comes again."""

LEGEND_COLUMNS = 2  # which the screen of a telephone has room for
LEGEND_WIDTH = 150  # pixels of a name
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
    return _light(alt.LayerChart(layer=[band, line, points]), len(rows))


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
        alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=LEGEND_WIDTH)),
        colour,
        tooltip=tooltip,
    )
    across = alt.X("value:Q", title="difference in points", axis=alt.Axis(format="+.3~g"))
    zero = alt.Chart(data_of([{"value": 0.0}])).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(across)
    bounds = base.mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q"))
    return alt.LayerChart(
        layer=[zero, bounds, base.mark_point(filled=True, size=70, opacity=1).encode(across)]
    )


def _marks(experiments: Labels, drawn: Labels, *, legend: bool = True) -> tuple[alt.Color, alt.StrokeDash]:
    ids = [*experiments]
    shown = alt.Legend(
        orient="bottom",
        columns=LEGEND_COLUMNS,
        labelLimit=LEGEND_WIDTH,
        symbolType="stroke",
        symbolOpacity=1,
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
