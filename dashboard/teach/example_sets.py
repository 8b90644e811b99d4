"""Three tasks from the images that come with a model, each taught and tried with one click."""

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.teach.learning import learn
from dashboard.teach.lesson import Desk
from imaml.client import Episode, Model

SETS = ((5, 1, 2), (3, 3, 2), (20, 1, 1))  # classes, examples of each, queries of each
CARD_WIDTH = 250  # pixels, below which the grid has a column less
MOST_SHOWN = 6  # images on a card


def example_sets(desk: Desk, model: Model) -> None:
    """Draw a card for each set that the model has enough examples for; at a click, teach it."""
    sizes = dict.fromkeys((min(ways, model.ways.max), shots, queries) for ways, shots, queries in SETS)
    with st.spinner("Fetching examples"):
        drawn = [
            connection.episode(model.reference, ways=ways, shots=shots, queries=queries, seed=seed)
            for seed, (ways, shots, queries) in enumerate(sizes)
        ]
    episodes = [episode for episode in drawn if episode is not None]
    if not episodes:
        return
    st.markdown(
        "**Start with an example:** one click teaches it, and asks about images that it has not seen."
    )
    with st.grid(min_column_width=CARD_WIDTH, gap="small"):
        for number, episode in enumerate(episodes, 1):
            with st.container(border=True, key=f"set-{number}"):
                _card(desk, model, episode, number)
    st.markdown("**Or teach it classes of your own:**")


def _card(desk: Desk, model: Model, episode: Episode, number: int) -> None:
    st.html(pictures.row(example.image or b"" for example in episode.support[:MOST_SHOWN]))
    classes = sentences.count(episode.ways, "class", "classes")
    title = f"{classes}, {sentences.count(episode.shots, 'example')} each"
    if st.button(title, key=f"teach-set-{number}", type="primary", width="stretch"):
        desk.lay_out(episode)
        learn(desk, model)
