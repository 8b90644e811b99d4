"""A task drawn from the images that come with a model: taught and tried with one click."""

import streamlit as st

from dashboard.connection import client
from dashboard.failures import refusal_shown
from dashboard.teach.learning import learn
from dashboard.teach.lesson import Desk
from imaml.client import Model

QUERIES_PER_CLASS = 2
MOST_SHOTS = 20


def sampling(desk: Desk, model: Model) -> None:
    """Draw the button, and the size of the task beside it; at a click, teach the task."""
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        clicked = st.button(
            "Draw a sample task",
            key="sample",
            type="tertiary",
            icon=":material/casino:",
        )
        with st.popover("Size of the task", type="tertiary", key="size"):
            ways = st.number_input(
                "Classes", model.ways.min, model.ways.max, min(5, model.ways.max), key=f"ways-{model.id}"
            )
            shots = st.number_input("Images of each class", 1, MOST_SHOTS, 1, key="shots")
    if clicked:
        with refusal_shown():
            episode = client().episode(
                model.id, ways=ways, shots=shots, queries=QUERIES_PER_CLASS, seed=desk.episodes
            )
            desk.lay_out(episode)
            learn(desk, model)
