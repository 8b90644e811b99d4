"""A lesson's examples: those that come with the model, or a visitor's own; and the click that teaches."""

import streamlit as st

from dashboard import sentences
from dashboard.teach.classes import cards
from dashboard.teach.example_sets import example_sets
from dashboard.teach.learning import ADDRESS, learn
from dashboard.teach.lesson import Desk
from dashboard.teach.limits import hindrance, used
from dashboard.teach.recipe import recipe
from dashboard.teach.sampling import sampling
from imaml.client import Limits, Model


def examples(desk: Desk, model: Model, limits: Limits) -> None:
    """Draw all that a lesson is made of."""
    st.header("Show it examples", anchor=False)
    if desk.is_empty:
        example_sets(desk, model)
    st.markdown(
        "Name each class, and draw it or give it images (PNG, JPEG, WebP or BMP). Beside each image stands "
        "what the model sees of it."
    )
    cards(desk, model, limits)
    st.caption(used(desk.groups, model, limits))
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
    sampling(desk, model)
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
