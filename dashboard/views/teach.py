"""Teach: name classes, give each a few images, and try what was learned on new ones."""

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.teach.answers import answers
from dashboard.teach.classes import cards
from dashboard.teach.giving import chosen_way, given
from dashboard.teach.learned import doubts, learned
from dashboard.teach.learning import ADDRESS, learn
from dashboard.teach.lesson import Desk, Lesson, hindrance
from dashboard.teach.recipe import recipe
from dashboard.teach.sampling import sampling
from dashboard.teach.table import table
from dashboard.teach.take_away import take_away
from imaml.client import ApiError, Limits, Model


def main() -> None:
    """Draw the page."""
    st.title("Teach a classifier from a handful of examples", anchor=False)
    st.markdown(
        "Show each class once or a few times: the model adapts to your examples in milliseconds, then labels "
        "new images and says how sure it is."
    )
    models = client().models()
    if not models:
        _no_model()
        return
    limits = client().limits()
    desk = _desk()
    _reopen(desk)
    model = _choose(models)
    if not model.takes_images:
        table(model, limits)
        return
    _examples(desk, model, limits)
    st.header("What it learned", anchor=False)
    lesson = desk.lesson
    if lesson is None:
        st.caption("Nothing yet. Draw a sample task to see it at work, or give two classes an image each.")
        return
    learned(lesson)
    doubts(lesson)
    st.header("Try new images", anchor=False)
    _try(desk, lesson, model, limits)
    take_away(desk, lesson)


def _desk() -> Desk:
    if "desk" not in st.session_state:
        st.session_state.desk = Desk()
    return st.session_state.desk


def _reopen(desk: Desk) -> None:
    """Lay out the adaptation that the page's address names, unless it lies there already."""
    wanted = st.query_params.get(ADDRESS)
    if not wanted or (desk.lesson is not None and desk.lesson.adaptation.id == wanted):
        return
    try:
        adaptation = client().adaptation(wanted)
        model = client().model(f"{adaptation.model}:{adaptation.model_version}")
        examples = client().examples(wanted)
    except ApiError as error:
        del st.query_params[ADDRESS]
        if error.status != 404:
            raise
        st.info("What this address named is gone: it has expired, was deleted, or kept no examples.")
        return
    if model.takes_images:
        st.session_state.model = model.reference
        desk.reopen(adaptation, examples, model)


def _no_model() -> None:
    with st.container(border=True, key="no-model"):
        st.subheader("There is no model yet", anchor=False)
        st.markdown("`make up` loads the starter model, and this trains one of your own:")
        st.code("imaml train --name first --dataset glyphs", language="sh")


def _choose(models: list[Model]) -> Model:
    # One that learns from images comes first, where there is any: it is what most visitors have.
    by_reference = {model.reference: model for model in sorted(models, key=lambda m: not m.takes_images)}
    with st.container(horizontal=True, vertical_alignment="bottom", key="model-row"):
        chosen = st.selectbox("Model", list(by_reference), key="model", bind="query-params", width=300)
        model = by_reference[chosen]
        st.caption(sentences.plain(sentences.about(model)), width="stretch")
    return model


def _examples(desk: Desk, model: Model, limits: Limits) -> None:
    st.header("Show it examples", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", key="tools"):
        st.markdown(
            "Name each class, and draw it or give it images (PNG, JPEG, WebP or BMP); or take a task from "
            "those that come with the model. Beside each image stands what the model sees of it."
        )
        sampling(desk, model)
    cards(desk, model, limits)
    with st.container(horizontal=True, vertical_alignment="center", key="actions"):
        _teach(desk, model, limits)


def _teach(desk: Desk, model: Model, limits: Limits) -> None:
    desk.options = recipe(model, limits)
    missing = hindrance(desk.groups, model, limits)
    current = desk.lesson is not None and desk.lesson.fingerprint == desk.fingerprint(model)
    ready = missing is None and not current
    kind = "primary" if ready else "secondary"
    clicked = st.button("Teach", key="teach", type=kind, icon=":material/school:", disabled=not ready)
    if st.button("Add a class", key="add", icon=":material/add:", type="tertiary"):
        desk.add_group()
        st.rerun()
    if st.button("Start over", key="clear", icon=":material/restart_alt:", type="tertiary"):
        desk.clear()
        st.query_params.pop(ADDRESS, None)
        st.rerun()
    if desk.lost:
        st.caption("The service no longer has what was learned; teach it again.")
    elif missing is not None:
        st.caption(sentences.plain(missing))
    elif current:
        st.caption("Taught. Change a name or an image to teach again.")
    elif desk.lesson is not None:
        st.caption("Something changed since the last lesson; teach again to renew the answers below.")
    if clicked:
        learn(desk, model)


def _try(desk: Desk, lesson: Lesson, model: Model, limits: Limits) -> None:
    giving, answering = st.columns((1, 2), gap="medium")
    with giving, st.container(key="query"):
        _ask(desk, lesson, model, limits)
    with answering:
        _answer(desk, lesson, model)


def _ask(desk: Desk, lesson: Lesson, model: Model, limits: Limits) -> None:
    way = chosen_way(model, "query-way")
    key = f"queries-{desk.tries}"
    added, refused = given(way, "Images to classify", "What is it?", key, limits, lesson.model)
    if added or refused:
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


main()
