"""The comparison from its top to its end."""

import streamlit as st

from dashboard import sentences
from dashboard.failures import part
from dashboard.review.comparison import choice
from dashboard.review.comparison.address import ids
from dashboard.review.comparison.curves import curves
from dashboard.review.comparison.differences import paired
from dashboard.review.comparison.fetching import fetched
from dashboard.review.comparison.groups import by_seed
from dashboard.review.comparison.hyperparameters import hyperparameters
from dashboard.review.comparison.seeds import seeds
from dashboard.review.comparison.settings_table import settings_table


def comparison() -> None:
    """Draw the experiments that the address names side by side."""
    runs, unknown = fetched(ids())
    for refusal in unknown:
        st.warning(sentences.plain(f"{refusal} It is left out."), icon=":material/warning:")
    if not runs:
        choice.nothing()
        return
    choice.rows(runs)
    groups = by_seed(runs)
    st.header("Curves", anchor=False)
    # Each part that has choices is drawn anew on its own, without asking the service again.
    part(curves)(runs, groups)
    if len(runs) == 1:
        st.info("Add another experiment to see what differs.")
        return
    st.header("Groups by seed", anchor=False)
    seeds(groups)
    st.header("Settings that differ", anchor=False)
    settings_table(runs)
    st.header("Differences on identical episodes", anchor=False)
    part(paired)(runs)
    st.header("Hyperparameters", anchor=False)
    part(hyperparameters)(runs)
