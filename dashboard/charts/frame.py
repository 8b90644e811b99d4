"""What all charts share: how one is shown, its axes, and what tells curves apart."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.sentences import plain

HEIGHT = 210  # pixels
MOST_TICKS = 5  # on a logarithmic axis

Chart = alt.Chart | alt.LayerChart
Row = dict[str, str | float | None]


def show(chart: Chart, title: str, note: str = "", height: int | Literal["content"] = HEIGHT) -> None:
    """Draw a chart under its title and what is to know about it."""
    with st.container(gap="xsmall"):
        st.markdown(f"**{plain(title)}**" + (f"  \n:small[:gray[{note}]]" if note else ""))
        st.altair_chart(chart, width="stretch", height=height, alt=title)


def data_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows as what a chart is made of; of other things Altair would look at every number."""
    return pd.DataFrame(rows)


def steps(field: str, title: str) -> alt.X:
    """Return an axis of steps."""
    # Steps are whole numbers, so are the ticks.
    return alt.X(f"{field}:Q", title=title, axis=alt.Axis(tickMinStep=1, format="d", grid=False))


def values(rows: Sequence[Row], *, log: bool) -> alt.Y:
    """Return an axis of what was measured; a logarithmic one is marked at whole decades."""
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


def told_apart(titles: list[str]) -> tuple[alt.Color, alt.StrokeDash]:
    """Return the colours and dashes of curves, in the order of their titles."""
    colour = alt.Color(
        "curve:N",
        sort=titles,
        title=None,
        legend=alt.Legend(orient="top", symbolType="stroke", symbolOpacity=1),
    )
    return colour, alt.StrokeDash("curve:N", sort=titles, title=None)


def tooltip(*fields: str) -> list[alt.Tooltip]:
    """Return what is told of the point under the pointer."""
    return [*(alt.Tooltip(field) for field in fields), alt.Tooltip("value:Q", format=".4~g")]
