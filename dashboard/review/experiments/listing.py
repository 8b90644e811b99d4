"""All experiments, to find one or choose some."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.downloads import csv_download
from dashboard.failures import part
from dashboard.review import pages
from dashboard.review.experiments.columns import COLUMNS, CONFIG, DEFAULT_COLUMNS, cells, exact
from dashboard.review.experiments.filters import experiment_filters
from imaml.client import Client, Experiment, ExperimentConditions

LISTING = "experiments"
ON_A_PAGE = 25
SPARKLINE = 30  # points
REFRESH_SECONDS = 5
RUNNING = "some-run"
"""Whether some of those that are listed run, in the session."""
FOUND = "found-experiments"
"""What the address of the list said when a visitor left it, in the session."""
MOST_COMPARED = 50


def experiment_list() -> None:
    """Draw the filters and the experiments that meet them; while some run, anew every few seconds."""
    part(_list, run_every=REFRESH_SECONDS if st.session_state.get(RUNNING) else None)()


def _list() -> None:
    conditions = experiment_filters()
    service = client()
    page = pages.fetch(
        LISTING,
        tuple(sorted(conditions.items())),
        lambda cursor: service.experiments_page(
            cursor=cursor, limit=ON_A_PAGE, sparkline=SPARKLINE, **conditions
        ),
    )
    if not page.items:
        _nothing(filtered=any(value for name, value in conditions.items() if name != "sort"))
        return
    actions = st.container(horizontal=True, vertical_alignment="center", key="list-actions")
    ids = [experiment.id for experiment in _table(page.items)]
    with actions:
        label = f"Compare {len(ids)}" if ids else "Compare"
        if st.button(label, icon=":material/compare_arrows:", disabled=not 0 < len(ids) <= MOST_COMPARED):
            _go("views/compare.py", ids=",".join(ids))
        st.caption("Tick some to compare them; click a name to open it.", width="stretch")
        st.caption(sentences.count(page.total, "experiment"), width="content")
        _choose_columns()
        csv_download(lambda: _all(service, conditions), "experiments.csv")
    pages.turn(LISTING, page.next_cursor)
    _watch(page.items)


def _watch(experiments: Sequence[Experiment]) -> None:
    """See to it that the list is drawn anew as long as some of it run."""
    running = any(experiment.status == "running" for experiment in experiments)
    if running != st.session_state.get(RUNNING, False):
        st.session_state[RUNNING] = running
        st.rerun()


def _table(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Draw the experiments; return those that are ticked."""
    # Ticks and clicks are of rows: where there are other rows, it must be another table.
    key = f"experiments-{hash(tuple(experiment.id for experiment in experiments))}"
    names = st.column_config.ButtonColumn(
        "Name", type="tertiary", alignment="left", pinned=True, key=f"open-{key}"
    )
    rows = [{"name": experiment.name, **cells(experiment)} for experiment in experiments]
    table = st.dataframe(
        {column: [row[column] for row in rows] for column in ("name", *COLUMNS)},
        column_config={"name": names, **CONFIG},
        column_order=["name", *st.session_state.get("columns", DEFAULT_COLUMNS)],
        hide_index=True,
        height="content",
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        alt="Experiments",
    )
    if clicked := st.session_state.get(f"open-{key}"):
        _go("views/experiment.py", id=experiments[clicked.row].id)
    return [experiments[row] for row in table.selection.rows]


def _go(page: str, **named: str) -> None:
    """Go to another page, from which a link leads back to what was found."""
    st.session_state[FOUND] = st.query_params.to_dict()
    st.switch_page(page, query_params=named)


def _choose_columns() -> None:
    with st.popover("Columns", icon=":material/view_column:", type="tertiary"):
        st.multiselect("Columns", COLUMNS, DEFAULT_COLUMNS, key="columns", bind="query-params", width=340)


def _all(service: Client, conditions: ExperimentConditions) -> list[dict[str, object]]:
    return [exact(experiment) for experiment in service.experiments(**conditions)]


def _nothing(*, filtered: bool) -> None:
    if filtered:
        st.info("No experiment meets these conditions; clear the search or a filter.")
        return
    with st.container(border=True, key="no-experiment"):
        st.subheader("No experiment yet", anchor=False)
        st.markdown("A training run appears here as soon as it starts. This one needs no data of yours:")
        st.code("imaml train --name first --dataset glyphs", language="sh")
