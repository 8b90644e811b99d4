"""How to adapt, where the model's own recipe is not what one wants."""

from math import log10

import streamlit as st

from dashboard.teach.lesson import Options
from imaml.client import Limits, Model

LEAST_EXPONENT, MOST_EXPONENT = -4.0, 2.0
MOST_STEPS = 100


def recipe(model: Model, limits: Limits, prefix: str = "") -> Options:
    """Draw the sliders, their keys after `prefix`; return what differs from the model's own recipe."""
    most_steps = max(1, min(MOST_STEPS, limits.max_inner_steps))
    own_exponent = round(log10(model.recipe.lam), 1) if model.recipe.lam else LEAST_EXPONENT
    own_exponent = min(max(own_exponent, LEAST_EXPONENT), MOST_EXPONENT)
    own_steps = min(model.recipe.max_steps, most_steps)
    with st.popover("How it adapts", icon=":material/tune:", type="tertiary"):
        exponent = st.slider(
            "Closeness λ, as a power of ten",
            LEAST_EXPONENT,
            MOST_EXPONENT,
            own_exponent,
            step=0.1,
            key=f"{prefix}lam-{model.id}",
            help="The larger, the closer what is learned stays to where the model starts.",
        )
        steps = st.slider(
            "Steps",
            0,
            most_steps,
            own_steps,
            key=f"{prefix}steps-{model.id}",
            help="The more, the closer it comes to fit your examples exactly.",
        )
        st.caption("Only the model's own setting has been validated; see what another does to your classes.")
    options = Options()
    if exponent != own_exponent:
        options["lam"] = round(10**exponent, 6)
    if steps != own_steps:
        options["max_steps"] = steps
    return options
