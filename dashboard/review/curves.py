"""The curves of an experiment, those that it has measured."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from dashboard.charts import training
from dashboard.charts.frame import Chart, show
from dashboard.charts.training import Metrics

PANEL_WIDTH = 330  # pixels, below which the panels stand in one column


@dataclass(frozen=True)
class Panel:
    """A chart that is there where `metric` has been measured."""

    metric: str
    title: str
    note: str
    draw: Callable[[Metrics], Chart]


PANELS = (
    Panel(
        "validation_accuracy",
        "Validation accuracy",
        "On tasks of classes held out; the band is the 95 % confidence interval.",
        training.validation,
    ),
    Panel(
        "outer_loss",
        "Outer loss",
        "Loss on the queries after adaptation, which meta-training lowers.",
        partial(training.curves, names={"outer_loss": "outer loss"}),
    ),
    Panel(
        "meta_gradient_norm",
        "Meta-gradient norm",
        "Growth by orders of magnitude means that training has come apart.",
        partial(training.curves, names={"meta_gradient_norm": "norm"}, log=True),
    ),
    Panel(
        "inner_residual",
        "Residuals",
        "How exactly the two problems behind the implicit gradient were solved.",
        partial(
            training.curves,
            names={"inner_residual": "inner problem", "linear_residual": "linear system"},
            log=True,
        ),
    ),
    Panel(
        "negative_curvature",
        "Negative curvature",
        "Share of tasks whose linear solve met it and stopped there.",
        partial(training.curves, names={"negative_curvature": "share"}),
    ),
    Panel(
        "inner_loss",
        "Inner loops",
        "Support loss by inner step, at meta-steps spread over the training.",
        training.inner_loops,
    ),
)


_DRAWN = {panel.metric for panel in PANELS} | {
    "validation_accuracy_unadapted", "validation_ci95", "linear_residual",
}  # fmt: skip
"""What has its place in a panel above."""


def curves(metrics: Metrics) -> None:
    """Draw a panel for each metric there is, the familiar ones first."""
    panels = [panel for panel in PANELS if metrics.get(panel.metric)]
    panels += [_plain_panel(name) for name in sorted(metrics.keys() - _DRAWN) if metrics[name]]
    if not panels:
        st.caption("Nothing has been measured yet.")
        return
    with st.grid(2, min_column_width=PANEL_WIDTH, gap="medium"):
        for panel in panels:
            show(panel.draw(metrics), panel.title, panel.note)


def _plain_panel(metric: str) -> Panel:
    title = metric.replace("_", " ").capitalize()
    return Panel(metric, title, "", partial(training.curves, names={metric: title.lower()}))
