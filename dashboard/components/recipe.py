"""How to adapt, where the model's own recipe is not what one wants."""

from math import log10

import streamlit as st

from dashboard.lesson import Options
from imaml.client import Limits, Model

MOST_STEPS = 100


def recipe(model: Model, limits: Limits) -> Options:
    """Draw the sliders; return what differs from the model's own recipe."""
    own = model.recipe
    with st.popover("How it adapts", icon=":material/tune:", type="tertiary"):
        exponent = st.slider(
            "Closeness λ, as a power of ten",
            min_value=-4.0,
            max_value=2.0,
            value=round(log10(own.lam), 1) if own.lam else -4.0,
            step=0.1,
            key=f"lam-{model.id}",
            help="The larger, the closer what is learned stays to where the model starts.",
        )
        steps = st.slider(
            "Steps",
            min_value=0,
            max_value=min(MOST_STEPS, limits.max_inner_steps),
            value=min(own.max_steps, MOST_STEPS),
            key=f"steps-{model.id}",
            help="The more, the closer it comes to fit your examples exactly.",
        )
        st.caption("Only the model's own setting has been validated; see what another does to your classes.")
    lam = round(10**exponent, 6)
    options = Options()
    if own.lam and abs(exponent - round(log10(own.lam), 1)) > 0.01:
        options["lam"] = lam
    if steps != min(own.max_steps, MOST_STEPS):
        options["max_steps"] = steps
    return options
