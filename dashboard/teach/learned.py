"""What came of a lesson: a sentence, warnings, figures and the inner-loop curve."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import connection, pictures, sentences
from dashboard.charts import solving
from dashboard.charts.frame import show
from dashboard.teach.lesson import Lesson
from imaml.client import Solution

LEAST_CHANGE = 0.01  # of the support loss, that is worth a curve
LEAST_LOSS = 1e-3  # of examples that are told apart, below which less is no better


def learned(lesson: Lesson) -> None:
    """Draw the outcome of a lesson."""
    adaptation = lesson.adaptation
    solution = adaptation.solution
    st.html(f'<p class="outcome">{sentences.learned(adaptation, len(lesson.support))}</p>')
    st.markdown(f"{sentences.stopped(solution, adaptation.recipe)} {_brought(solution)}".rstrip())
    for warning in adaptation.warnings:
        st.warning(sentences.plain(warning), icon=":material/warning:")
    if _is_still(solution):
        _figures(*st.columns(2, gap="medium"), solution)
        return
    facts, loss, residual = st.columns((2, 3, 3), gap="medium")
    _figures(facts, facts, solution)
    with loss:
        show(solving.trace(solution.trace, "loss"), "Support loss by step")
    with residual:
        show(solving.trace(solution.trace, "residual"), "Residual by step")


def _figures(first: DeltaGenerator, second: DeltaGenerator, solution: Solution) -> None:
    """Draw two figures in each of two places."""
    accuracy, distance = first.columns(2, wrap=False)
    accuracy.metric(
        "Support accuracy",
        "–" if solution.support_accuracy is None else sentences.percent(solution.support_accuracy),
        help="Share of the support set, which is your examples, that comes out right.",
    )
    distance.metric(
        "Distance",
        f"{solution.distance:.3g}",
        help="How far the parameters φ moved from where adaptation starts, c: ‖φ − c‖₂. A larger λ keeps "
        "them closer.",
    )
    loss, residual = second.columns(2, wrap=False)
    loss.metric(
        "Support loss",
        f"{solution.support_loss:.3g}",
        help="On your examples: cross-entropy, of numbers half the mean squared error. Each step of the "
        "inner solver lowers it.",
    )
    residual.metric(
        "Residual",
        f"{solution.residual:.2g}",
        help="How far from the exact solution of the proximal problem: the norm of its gradient.",
    )


def _is_still(solution: Solution) -> bool:
    """Return whether adaptation changed nothing to speak of, so that its curves would say nothing."""
    if len(solution.trace) < 2:
        return True
    first, last = solution.trace[0].loss, solution.trace[-1].loss
    return abs(first - last) <= LEAST_CHANGE * first or (_is_told_apart(solution) and first < LEAST_LOSS)


def _is_told_apart(solution: Solution) -> bool:
    return solution.support_accuracy == 1


def _brought(solution: Solution) -> str:
    if len(solution.trace) < 2:
        return ""
    first, last = solution.trace[0].loss, solution.trace[-1].loss
    if not _is_still(solution):
        return f"Adaptation took the support loss from {first:.3g} to {last:.3g}."
    if _is_told_apart(solution):
        return (
            "The prototypes of the classes, which it starts from, already tell your examples apart; "
            "adaptation changed next to nothing."
        )
    return f"Adaptation changed next to nothing: the support loss stayed at {last:.3g}."


def doubts(lesson: Lesson) -> None:
    """Draw, once it is asked for, which examples look mislabelled to the others."""
    if not st.toggle("Which examples look mislabelled?", key=f"doubts-{lesson.adaptation.id}"):
        return
    with st.spinner("Learning anew without each example"):
        examples = connection.margins(lesson.adaptation.id)
    doubtful = sorted(
        (example.margin, number, example)
        for number, example in enumerate(examples)
        if example.margin is not None and example.margin < 0
    )
    if all(example.margin is None for example in examples):
        st.caption("No class has two examples or more, which could vouch for each other.")
    elif not doubtful:
        st.caption("None: each is told right by the others of its class.")
    else:
        st.caption("Learned from the others, these are taken for another class, the clearest case first.")
        images = (pictures.labelled(example.image or b"", example.label or "") for *_, example in doubtful)
        st.html(f'<div class="doubts">{"".join(images)}</div>')
