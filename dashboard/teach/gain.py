"""What adaptation added over what it started from: the prototypes of the classes."""

import streamlit as st

from dashboard import connection, sentences
from dashboard.failures import refusal_shown
from dashboard.teach.lesson import Desk, Lesson, Setting
from dashboard.teach.trials import trials
from dashboard.teach.verdicts import right
from imaml.client import Limits


def gain(desk: Desk, lesson: Lesson, limits: Limits) -> None:
    """Draw how many queries of known class are right with adaptation, and how many without."""
    truths = lesson.scored(desk.queries)
    if not truths or lesson.adaptation.solution.steps == 0:
        return
    scored = [query for query in desk.queries if query.number in truths]
    start = Setting(lesson.model, lesson.options.get("lam"), max_steps=0)
    with refusal_shown(), st.spinner("Asking it without adaptation"):
        [without] = trials(lesson, [start], scored, limits)
        if without is None:
            return
        adapted = connection.predict(lesson.adaptation.id, tuple(query.picture.data for query in scored))
        before, after = (sum(right(each, truths.values())) for each in (without.answers, adapted))
        st.markdown(
            f"Of {sentences.count(len(scored), 'new image')} of known class it gets {after} right; "
            f"without adaptation {before}.",
            help="Without adaptation, each image is told by the prototypes of the classes: "
            "the mean of a class's examples, as the model sees them.",
        )
