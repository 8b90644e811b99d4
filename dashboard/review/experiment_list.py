"""All experiments, to find one."""

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from imaml.client import Experiment

STATUSES = ("running", "completed", "interrupted", "failed", "dead")
ON_A_PAGE = 20


def experiment_list() -> None:
    """Draw the filters and the experiments that meet them, newest first."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        text = st.text_input(
            "Search", key="q", bind="query-params", placeholder="Part of a name or note", width=300, live=True
        )
        status = st.pills("Status", STATUSES, key="status", bind="query-params")
    found = client().experiments(status=status, q=text or None)
    if not found:
        _nothing(filtered=bool(text or status))
        return
    pages = -(-len(found) // ON_A_PAGE)
    page = st.pagination(pages, key="page") if pages > 1 else 1
    for experiment in found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]:
        _row(experiment)


def _row(experiment: Experiment) -> None:
    with st.container(border=True, gap="xxsmall", key=f"experiment-{experiment.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            address = {"id": experiment.id}
            st.page_link(
                "views/experiment.py", label=f"**{sentences.plain(experiment.name)}**", query_params=address
            )
            st.badge(experiment.status, color=sentences.status_colour(experiment.status))
        facts = [experiment.dataset, experiment.algorithm, sentences.progress(experiment)]
        facts += [sentences.moment(experiment.created_at), *experiment.tags]
        st.caption(sentences.plain(" · ".join(facts)))


def _nothing(*, filtered: bool) -> None:
    if filtered:
        st.info("No experiment meets these conditions; clear the search or choose another status.")
        return
    with st.container(border=True, key="no-experiment"):
        st.subheader("No experiment yet", anchor=False)
        st.markdown("A training run appears here as soon as it starts. This one needs no data of yours:")
        st.code("imaml train --name first --dataset glyphs", language="sh")
