"""Images picked from those that come with a model."""

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.teach.lesson import Picture
from imaml.client import Episode, LabelledExample

CLASSES, EACH = 3, 3  # that are shown at once
SEED = "samples-seed"


def has_samples(model: str) -> bool:
    """Return whether images to pick from come with a model."""
    return _shown(model) is not None


def others(model: str, key: str) -> None:
    """Draw the button that shows other ones."""
    if st.button("Other samples", key=key, icon=":material/casino:", type="tertiary"):
        st.session_state[SEED] = st.session_state.get(SEED, 0) + 1
        st.rerun()


def picked(model: str, key: str) -> list[Picture]:
    """Draw a button for each image; return the one that is clicked."""
    episode = _shown(model)
    examples = [*episode.support, *episode.query] if episode else []
    examples.sort(key=lambda example: example.label or "")
    with st.container(horizontal=True, gap="xsmall", key=f"picks-{key}"):
        return [
            _picture(number, example)
            for number, example in enumerate(examples)
            if _button(number, example, key)
        ]


def _button(number: int, example: LabelledExample, key: str) -> bool:
    name = sentences.plain(_name(number, example))
    return st.button(f"![{name}]({pictures.address(example.image or b'')})", key=f"pick-{key}-{number}")


def _picture(number: int, example: LabelledExample) -> Picture:
    return Picture(_name(number, example), example.image or b"", example.label or "")


def _name(number: int, example: LabelledExample) -> str:
    return f"{example.label}, {number % EACH + 1}"


def _shown(model: str) -> Episode | None:
    seed = st.session_state.get(SEED, 0)
    return connection.episode(model, ways=CLASSES, shots=EACH - 1, queries=1, seed=seed)
