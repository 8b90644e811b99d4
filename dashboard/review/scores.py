"""How well a model scores on classes that it has never seen: accuracy by ways and shots."""

import shlex
from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.downloads import csv_download
from imaml.client import Evaluation, ExperimentDetail

MADE = ("glyphs", "clusters", "sinusoid")
"""Data sets that need no files."""
_PROTOCOL = (
    "Inductive: the answer to one query does not depend on the others. Transductive: it does, as in the code "
    "of many papers, and cannot be served."
)


def evaluations(experiment: ExperimentDetail) -> None:
    """Draw the evaluations of an experiment: a grid for each protocol, and every one of them as a row."""
    found = client().evaluations(experiment.id)
    scores(found, experiment.name, experiment.dataset)
    if not found:
        return
    with st.expander("Every evaluation", icon=":material/list:"):
        rows = [_row(item) for item in found]
        st.dataframe(rows, hide_index=True, height="content", alt="Evaluations")
        csv_download([item.model_dump(mode="json") for item in found], f"{experiment.name}-evaluations.csv")


def scores(evaluations: Sequence[Evaluation], model: str, dataset: str) -> None:
    """Draw the accuracy in each kind of task; where none is known, how to score the model."""
    if not evaluations:
        st.caption("None yet. This scores it on classes that it has never seen:")
        data = "" if dataset in MADE else " --data PATH"
        st.code(f"imaml evaluate {shlex.quote(model)} --dataset {dataset}{data} --split test", language="sh")
        return
    for protocol in sorted({_protocol(item) for item in evaluations}):
        with st.container(key=f"scores-{protocol}", gap="xsmall"):
            st.markdown(f"**{sentences.plain(protocol)}**", help=_PROTOCOL)
            alike = [item for item in evaluations if _protocol(item) == protocol]
            st.table(matrix(alike), border="horizontal", width="content", alt=f"Accuracy, {protocol}")
    st.caption(
        "Mean accuracy with its 95 % confidence interval (number of episodes); in grey, without adaptation.",
        help="The newest of each kind.",
    )


def matrix(evaluations: Sequence[Evaluation]) -> list[dict[str, str]]:
    """Return a row for each number of ways with the newest accuracy for each number of shots."""
    newest = {(item.ways, item.shots): item for item in sorted(evaluations, key=lambda item: item.created_at)}
    ways = sorted({way for way, _ in newest})
    shots = sorted({shot for _, shot in newest})
    return [
        {"Ways": f"{way}-way" if way > 1 else "R²"}
        | {f"{shot}-shot": _cell(newest.get((way, shot))) for shot in shots}
        for way in ways
    ]


def _protocol(evaluation: Evaluation) -> str:
    return f"{evaluation.dataset}, {evaluation.split}, {_kind(evaluation)}"


def _kind(evaluation: Evaluation) -> str:
    return "transductive" if evaluation.transductive else "inductive"


def _cell(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "–"
    accuracy = sentences.accuracy(evaluation.accuracy, evaluation.ci95)
    before = sentences.accuracy(evaluation.accuracy_unadapted)
    return f"**{accuracy}** ({evaluation.episodes:,}) :gray[{before}]"


def _row(evaluation: Evaluation) -> dict[str, object]:
    return {
        "Task": sentences.task(evaluation),
        "Data": f"{evaluation.dataset}, {evaluation.split}",
        "Accuracy (95 % CI)": sentences.accuracy(evaluation.accuracy, evaluation.ci95),
        "Without adaptation": sentences.accuracy(evaluation.accuracy_unadapted),
        "Episodes": evaluation.episodes,
        "Protocol": _kind(evaluation),
        "Seed": evaluation.seed,
        "When": sentences.moment(evaluation.created_at),
    }
