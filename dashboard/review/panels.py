"""The charts that every kind of metric has, those of an experiment side by side."""

from collections.abc import Callable, Sequence
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


TRAINING = (
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
)
SOLVES = (
    Panel(
        "inner_residual",
        "Residuals",
        "How exactly the two problems behind the implicit gradient were solved, the linear one by "
        "conjugate gradients (CG).",
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
)
INNER_STEPS = (
    Panel(
        "inner_loss",
        "Support loss",
        "By inner step, at meta-steps spread over the training: what adaptation lowers.",
        partial(training.inner_loops, metric="inner_loss"),
    ),
    Panel(
        "inner_query_loss",
        "Query loss",
        "By inner step, on a few validation tasks: where it rises, adaptation goes too far.",
        partial(training.inner_loops, metric="inner_query_loss"),
    ),
    Panel(
        "inner_step_residual",
        "Residual",
        "By inner step: the norm of the inner problem's gradient.",
        partial(training.inner_loops, metric="inner_step_residual"),
    ),
)
PANELS = (*TRAINING, *SOLVES)
"""Those of one value a meta-step, which experiments can be compared by."""

_WITH_ANOTHER = {"validation_accuracy_unadapted", "validation_ci95", "linear_residual"}


def draw_panels(panels: Sequence[Panel], metrics: Metrics) -> None:
    """Draw those panels whose metric has been measured."""
    measured = [panel for panel in panels if metrics.get(panel.metric)]
    if not measured:
        st.caption("Nothing has been measured yet, or nothing between these steps.")
    with st.grid(2, min_column_width=PANEL_WIDTH, gap="medium"):
        for panel in measured:
            show(panel.draw(metrics), panel.title, panel.note)


def others(metrics: Metrics) -> list[Panel]:
    """Return a panel for each metric of one value a meta-step that has none above."""
    known = {panel.metric for panel in PANELS} | _WITH_ANOTHER
    return [_plain_panel(name) for name in sorted(metrics.keys() - known)]


def _plain_panel(metric: str) -> Panel:
    title = metric.replace("_", " ").capitalize()
    return Panel(metric, title, "", partial(training.curves, names={metric: title.lower()}))
