"""What came of a lesson: a sentence, warnings, figures and the inner-loop curve."""

import streamlit as st

from dashboard import charts, sentences
from dashboard.connection import client
from dashboard.lesson import Lesson

_PROGRAM = """from imaml.client import Client

with Client() as client:
    [answer] = client.predict("{id}", ["new.png"])
print(answer.label, answer.confidence)"""
_REQUEST = "curl -F images=@new.png {url}/v1/adaptations/{id}/predictions"


def learned(lesson: Lesson) -> None:
    """Draw the outcome of a lesson."""
    adaptation = lesson.adaptation
    solution = adaptation.solution
    st.html(f'<p class="outcome">{sentences.learned(adaptation, lesson.examples)}</p>')
    st.markdown(sentences.stopped(solution, adaptation.recipe))
    for warning in adaptation.warnings:
        st.warning(sentences.plain(warning), icon=":material/warning:")
    facts, loss, residual = st.columns((2, 3, 3), gap="medium")
    with facts:
        accuracy, distance = st.columns(2, wrap=False)
        accuracy.metric(
            "Support accuracy",
            "–" if solution.support_accuracy is None else sentences.percent(solution.support_accuracy),
            help="Share of your own examples that come out right.",
        )
        distance.metric(
            "Distance",
            f"{solution.distance:.3g}",
            help="How far the parameters moved from where the model starts, ‖φ − c‖₂.",
        )
        loss_at_end, residual_at_end = st.columns(2, wrap=False)
        loss_at_end.metric(
            "Loss",
            f"{solution.support_loss:.3g}",
            help="On your examples: cross-entropy, of numbers half the mean squared error.",
        )
        residual_at_end.metric(
            "Residual",
            f"{solution.residual:.2g}",
            help="How far from the exact solution of the proximal problem: the norm of its gradient.",
        )
    with loss:
        charts.show(charts.trace(solution.trace, "loss"), "Support loss by inner step")
    with residual:
        charts.show(charts.trace(solution.trace, "residual"), "Residual by inner step")


def program(lesson: Lesson) -> None:
    """Draw how another program asks for predictions."""
    with st.expander("Use it in a program", icon=":material/code:"):
        st.code(_PROGRAM.format(id=lesson.adaptation.id), language="python")
        st.code(_REQUEST.format(id=lesson.adaptation.id, url=client().url), language="sh")
