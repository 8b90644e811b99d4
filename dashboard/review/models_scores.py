"""How well a model scored: accuracy by ways and shots, for each kind of evaluation."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from imaml.client import Evaluation, Experiment, Model


def scores(model: Model, experiment: Experiment | None) -> None:
    """Draw the accuracy in each kind of task, and what it is without adaptation."""
    evaluations = () if experiment is None else client().evaluations(experiment.id)
    own = [item for item in evaluations if item.model_id in (None, model.id)]
    if not own:
        st.caption("None is known. This scores it on classes that it has never seen:")
        command = f"imaml evaluate {model.reference} --dataset {model.dataset} --split test"
        st.code(command, language="sh")
        return
    for protocol in sorted({_protocol(item) for item in own}):
        with st.container(key=f"scores-{protocol}", gap="xsmall"):
            st.markdown(f"**{sentences.plain(protocol)}**")
            alike = [item for item in own if _protocol(item) == protocol]
            st.table(matrix(alike), border="horizontal", width="content", alt=f"Accuracy, {protocol}")
    st.caption(
        "Mean accuracy with its 95 % confidence interval; in grey, without adaptation.",
        help="The newest of each kind. All of them, with episodes and seed, stand with the experiment.",
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
    kind = "transductive" if evaluation.transductive else "inductive"
    return f"{evaluation.dataset}, {evaluation.split}, {kind}"


def _cell(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "–"
    before = sentences.accuracy(evaluation.accuracy_unadapted)
    return f"**{sentences.accuracy(evaluation.accuracy, evaluation.ci95)}** :gray[{before}]"
