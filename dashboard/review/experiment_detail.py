"""One experiment: its curves, its evaluations, what was asked and what it ran on."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboard import sentences
from dashboard.charts.training import Metrics
from dashboard.connection import client
from dashboard.review.curves import curves
from imaml.client import Evaluation, ExperimentDetail

POINTS = 400  # of a curve: more than a chart has pixels for
REFRESH_SECONDS = 5


def experiment_detail(experiment_id: str) -> None:
    """Draw one experiment; a running one is drawn anew every few seconds."""
    running = client().experiment(experiment_id).status == "running"
    st.fragment(_body, run_every=REFRESH_SECONDS if running else None)(experiment_id)


def _body(experiment_id: str) -> None:
    experiment = client().experiment(experiment_id)
    metrics = client().metrics(experiment_id, points=POINTS)
    _head(experiment, metrics)
    _models(experiment)
    st.header("Curves", anchor=False)
    curves(metrics)
    st.header("Evaluations", anchor=False)
    _evaluations(client().evaluations(experiment_id), experiment)
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Configuration", anchor=False)
        _facts(experiment.config)
    with right:
        st.header("Provenance", anchor=False)
        split = {f"{name} classes": len(classes) for name, classes in experiment.split.items()}
        _facts({**experiment.provenance, **split})


def _head(experiment: ExperimentDetail, metrics: Metrics) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(sentences.plain(experiment.name), anchor=False, width="content")
        st.badge(experiment.status, color=sentences.status_colour(experiment.status))
        for tag in experiment.tags:
            st.badge(sentences.plain(tag), color="gray")
    st.caption(f"Started {sentences.moment(experiment.created_at)} · {experiment.id}")
    if experiment.error:
        st.error(sentences.plain(experiment.error), icon=":material/error:")
    if experiment.notes:
        st.markdown(experiment.notes)
    with st.grid(4, min_column_width=150):
        st.metric("Best validation accuracy", _best(metrics))
        st.metric("Progress", sentences.progress(experiment))
        st.metric("Data", experiment.dataset)
        st.metric("Algorithm", experiment.algorithm)


def _models(experiment: ExperimentDetail) -> None:
    for model in client().models():
        if model.experiment_id == experiment.id:
            label = f"Teach {sentences.plain(model.reference)}"
            icon = ":material/school:"
            st.page_link("views/teach.py", label=label, icon=icon, query_params={"model": model.reference})


def _best(metrics: Metrics) -> str | None:
    validated = [point for point in metrics.get("validation_accuracy", ()) if point.value is not None]
    if not validated:
        return None
    best = max(validated, key=lambda point: point.value or 0)
    widths = {point.step: point.value for point in metrics.get("validation_ci95", ())}
    return sentences.accuracy(best.value or 0, widths.get(best.step))


def _evaluations(evaluations: Sequence[Evaluation], experiment: ExperimentDetail) -> None:
    if not evaluations:
        st.caption("None yet. This scores the model on characters that it has never seen:")
        command = f"imaml evaluate {experiment.name} --dataset {experiment.dataset} --split test"
        st.code(command, language="sh")
        return
    st.table(
        [
            {
                "Task": sentences.task(item),
                "Data": f"{item.dataset}, {item.split}",
                "Accuracy (95 % CI)": sentences.accuracy(item.accuracy, item.ci95),
                "Without adaptation": sentences.accuracy(item.accuracy_unadapted),
                "Episodes": item.episodes,
                "Protocol": "transductive" if item.transductive else "inductive",
                "Seed": item.seed,
                "When": sentences.moment(item.created_at),
            }
            for item in evaluations
        ],
        border="horizontal",
    )


def _facts(values: Mapping[str, Any]) -> None:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(shown)}</dd>" for name, shown in sentences.flattened(values)
    )
    st.html(f'<dl class="facts">{rows}</dl>')
