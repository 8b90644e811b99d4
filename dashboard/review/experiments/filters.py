"""Which experiments are listed, in which order; the address says it too."""

from typing import Literal, TypeVar

import streamlit as st

from dashboard import connection
from imaml.client import ExperimentConditions

Value = TypeVar("Value", str, int)
Sort = Literal["created", "-created", "name", "-name", "accuracy", "-accuracy"]

STATUSES = ("running", "completed", "interrupted", "failed", "dead")
SORTS: dict[Sort, str] = {
    "-created": "Newest first",
    "created": "Oldest first",
    "-accuracy": "Most accurate first",
    "accuracy": "Least accurate first",
    "name": "Name, A to Z",
    "-name": "Name, Z to A",
}
_MORE = ("algorithm", "dataset", "tag", "ways", "shots", "archived")
_MEANINGS = (
    "Running ones train now; interrupted ones were stopped and can be resumed; dead ones say they run and "
    "have given no sign of life for a minute."
)


def experiment_filters() -> ExperimentConditions:
    """Draw the filters; return what they ask for."""
    facets = connection.facets()
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        text = st.text_input(
            "Search", key="q", bind="query-params", placeholder="Part of a name or note", width=260, live=True
        )
        sort = _sort()
        with st.popover(_filters(), icon=":material/filter_list:", type="tertiary"):
            more = ExperimentConditions(
                algorithm=_choice("algorithm", "Algorithm", facets.algorithms),
                dataset=_choice("dataset", "Data set", facets.datasets),
                tag=_choice("tag", "Tag", facets.tags),
                ways=_choice("ways", "Ways", facets.ways, "Classes in each training task."),
                shots=_choice("shots", "Shots", facets.shots, "Examples of each class in a training task."),
                archived=st.toggle("Archive", key="archived", bind="query-params", help="Those put away."),
            )
    status = st.pills("Status", STATUSES, key="status", bind="query-params", help=_MEANINGS)
    return {"q": text or None, "status": status, "sort": sort, **more}


def _filters() -> str:
    """Return what the popover is called: with how many of its filters are set."""
    # In the first run the address alone knows: the filters are yet to be drawn.
    chosen = sum(bool(st.session_state.get(key, st.query_params.get(key))) for key in _MORE)
    return f"Filters ({chosen})" if chosen else "Filters"


def _choice(key: str, title: str, values: list[Value], meaning: str | None = None) -> Value | None:
    """Draw a choice among what the experiments have, where they have any."""
    if not values:
        return None
    return st.selectbox(
        title, values, index=None, key=key, bind="query-params", placeholder="Any", help=meaning
    )


def _sort() -> Sort:
    return st.selectbox(
        "Sort", SORTS, format_func=SORTS.__getitem__, key="sort", bind="query-params", width=190
    )
