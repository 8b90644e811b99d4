"""One experiment: what came of it, part by part; the address names the part that is open."""

import streamlit as st

from dashboard.connection import client
from dashboard.failures import part
from dashboard.review.experiments.curves import curves
from dashboard.review.experiments.head import DELETED, head
from dashboard.review.experiments.inner_loop import inner_loop
from dashboard.review.experiments.made_models import models
from dashboard.review.experiments.settings import settings
from dashboard.review.experiments.tasks import tasks
from dashboard.review.scores import evaluations

REFRESH_SECONDS = 5
PARTS = {
    "Curves": curves,
    "Inner loop": inner_loop,
    "Evaluations": evaluations,
    "Settings": settings,
    "Models": models,
    "Sample tasks": tasks,
}


def experiment_detail(experiment_id: str) -> None:
    """Draw one experiment; a running one is drawn anew every few seconds."""
    if st.session_state.pop(DELETED, None) == experiment_id:
        st.switch_page("views/experiments.py")
    running = client().experiment(experiment_id).status == "running"
    part(_body, run_every=REFRESH_SECONDS if running else None)(experiment_id)


def _body(experiment_id: str) -> None:
    experiment = client().experiment(experiment_id)
    head(experiment)
    # A part that is not open asks the service nothing.
    tabs = st.tabs([*PARTS], key="part", bind="query-params", on_change="rerun")
    for tab, draw in zip(tabs, PARTS.values(), strict=True):
        if tab.open:
            with tab:
                part(draw)(experiment)  # what is done in it draws it alone anew
