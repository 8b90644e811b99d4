"""New images, and what it takes them for."""

import streamlit as st

from dashboard import sentences
from dashboard.teach.answers import answers
from dashboard.teach.giving import chosen_way, given
from dashboard.teach.learning import learn
from dashboard.teach.lesson import Desk, Lesson
from imaml.client import ApiError, Limits, Model


def trying(desk: Desk, lesson: Lesson, model: Model, limits: Limits) -> None:
    """Draw where images to try are given, and the answers beside it."""
    giving, answering = st.columns((2, 3), gap="medium")
    with giving, st.container(key="query"):
        _ask(desk, lesson, model, limits)
    with answering:
        _answer(desk, lesson, model)


def _ask(desk: Desk, lesson: Lesson, model: Model, limits: Limits) -> None:
    way = chosen_way(model, "query-way")
    key = f"queries-{desk.tries}"
    added, refused = given(way, "Images to classify", "What is it?", key, limits, lesson.model)
    if added or refused:
        desk.forget_refusals()
        desk.queries = [*map(desk.query, added), *desk.queries]
        desk.refused = refused
        desk.tries += 1  # another key, so that the uploader is empty again
        st.rerun()
    for reason in desk.refused:
        st.error(sentences.plain(reason))


def _answer(desk: Desk, lesson: Lesson, model: Model) -> None:
    if not desk.queries:
        st.caption("Draw or add what it has not seen: it says which class that is, and how sure it is.")
        return
    try:
        corrected = answers(desk, lesson)
    except ApiError as error:
        if error.status != 404:
            raise
        desk.lesson, desk.lost = None, True
        st.rerun()
    if corrected:
        desk.correct(*corrected)
        learn(desk, model)
    if st.button("Clear the images", key="clear-queries", icon=":material/close:", type="tertiary"):
        desk.queries = []
        st.rerun()
