"""The curves of an experiment by meta-step, smoothed and between two steps as one likes."""

import streamlit as st

from dashboard import connection
from dashboard.charts.smoothing import smoothed
from dashboard.charts.training import Metrics
from dashboard.downloads import csv_download
from dashboard.review.panels import TRAINING, draw_panels, others
from imaml.client import ExperimentDetail

POINTS = 400  # of a curve: more than a chart has pixels for


def curves(experiment: ExperimentDetail) -> None:
    """Draw a panel for each metric there is, the familiar ones first."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="curve-controls"):
        weight, (first, last) = _smoothing(), _range(experiment)
    measured = connection.metrics(experiment, points=POINTS, first_step=first, last_step=last)
    # Those of the inner loop have a part of their own.
    metrics = {name: points for name, points in measured.items() if points[0].inner_step is None}
    smooth = {name: smoothed(points, weight) for name, points in metrics.items()}
    if weight:
        smooth.pop("validation_ci95", None)  # it is not that of an average
    draw_panels([*TRAINING, *others(metrics)], smooth)
    if metrics:
        csv_download(lambda: rows_of(metrics), f"{experiment.name}-curves.csv")


def rows_of(metrics: Metrics) -> list[dict[str, object]]:
    """Return every point, a row each."""
    return [{"metric": name, **point.model_dump()} for name, points in metrics.items() for point in points]


def _smoothing() -> float:
    return st.slider(
        "Smoothing",
        0.0,
        0.99,
        key="smoothing",
        bind="query-params",
        width=260,
        help="Weight of what was before, in an exponential moving average.",
    )


def _range(experiment: ExperimentDetail) -> tuple[int, int]:
    most = max(experiment.total_steps, 1)
    if chosen := st.session_state.get("steps"):  # may be of an experiment that was longer
        st.session_state["steps"] = tuple(min(step, most) for step in chosen)
    return st.slider(
        "Meta-steps",
        0,
        most,
        (0, most),
        key="steps",
        bind="query-params",
        width=320,
        help=f"Between which the curves are shown, each in about {POINTS} points with its extremes.",
    )
