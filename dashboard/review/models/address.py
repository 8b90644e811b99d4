"""What the address of the Models page names: one model, or a part of the names of those that are listed."""

import streamlit as st

MODEL, SEARCH = "model", "name"


def show_model(reference: str) -> None:
    """Go to one model."""
    st.query_params[MODEL] = reference


def show_all(search: str = "") -> None:
    """Go to the list of those with this in their name."""
    del st.query_params[MODEL]
    st.session_state[SEARCH] = search
