"""Teach: name classes, give each a few images, and try what was learned on new ones."""

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.teach.examples import examples
from dashboard.teach.gain import gain
from dashboard.teach.learned import doubts, learned
from dashboard.teach.lesson import Desk
from dashboard.teach.recipe import LAM_HELP, STEPS_HELP
from dashboard.teach.reopening import reopen
from dashboard.teach.side_by_side import side_by_side
from dashboard.teach.strength import strength
from dashboard.teach.table import table
from dashboard.teach.take_away import take_away
from dashboard.teach.trying import trying
from imaml.client import Model

STARTER = "starter"


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
    reopen(desk, limits)
    model = _choose(models)
    if not model.takes_images:
        table(model, limits)
        return
    examples(desk, model, limits)
    st.header("What it learned", anchor=False)
    lesson = desk.lesson
    if lesson is None:
        st.caption("Nothing yet: start with an example, or give two classes an image each.")
        return
    learned(lesson)
    added = st.container()
    doubts(lesson)
    st.header("Try new images", anchor=False)
    trying(desk, lesson, model, limits)
    if desk.queries:
        strength(desk, lesson, limits)
    side_by_side(desk, lesson, models, limits)
    take_away(desk, lesson)
    with added:  # at the end, so that nothing waits for it
        gain(desk, lesson, limits)


def _desk() -> Desk:
    if "desk" not in st.session_state:
        st.session_state.desk = Desk()
    return st.session_state.desk


def _no_model() -> None:
    with st.container(border=True, key="no-model"):
        st.subheader("There is no model yet", anchor=False)
        st.markdown("`make up` loads the starter model, and this trains one of your own:")
        st.code("imaml train --name first --dataset glyphs", language="sh")


def _choose(models: list[Model]) -> Model:
    # The starter model comes first, or else one that learns from images: it is what most visitors have.
    ordered = sorted(models, key=lambda model: (not model.takes_images, model.name != STARTER))
    by_reference = {model.reference: model for model in ordered}
    if (named := st.query_params.get("model")) in by_reference:
        st.session_state.model = named
    with st.container(horizontal=True, vertical_alignment="bottom", key="model-row"):
        # Not bound to the address: what a page binds is lost on the way to another that names a model.
        chosen = st.selectbox("Model", list(by_reference), key="model", width=300, on_change=_name)
        model = by_reference[chosen]
        st.caption(sentences.plain(sentences.about(model)), width="stretch", help=f"{STEPS_HELP} {LAM_HELP}")
    return model


def _name() -> None:
    st.query_params["model"] = st.session_state.model


main()
