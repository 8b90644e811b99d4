"""How the inner problems were solved: by inner step, and over the training."""

import streamlit as st

from dashboard import connection
from dashboard.downloads import csv_download
from dashboard.review.experiments.curves import POINTS, rows_of
from dashboard.review.panels import INNER_STEPS, SOLVES, draw_panels
from imaml.client import ExperimentDetail


def inner_loop(experiment: ExperimentDetail) -> None:
    """Draw losses and residuals by inner step, residuals of the solves, and where curvature was negative."""
    names = *(panel.metric for panel in (*INNER_STEPS, *SOLVES)), "linear_residual"
    metrics = connection.metrics(experiment, names, points=POINTS)
    st.caption(
        "Each task adapts by some inner steps; the meta-gradient then asks for a linear system to be solved.",
        help="Rajeswaran et al. 2019, “Meta-Learning with Implicit Gradients”.",
    )
    draw_panels([*INNER_STEPS, *SOLVES], metrics)
    if metrics:
        csv_download(lambda: rows_of(metrics), f"{experiment.name}-inner-loop.csv")
