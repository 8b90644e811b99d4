"""How to adapt, where the model's own recipe is not what one wants."""

from math import log10

import streamlit as st

from dashboard.teach.lesson import Options
from imaml.client import Limits, Model, Recipe

LEAST_EXPONENT, MOST_EXPONENT = -4.0, 2.0
MOST_STEPS = 100
LAM_HELP = "The larger λ, the closer what is learned stays to where the model starts."
STEPS_HELP = "The more steps, the closer it comes to fit your examples exactly."


def recipe(model: Model, limits: Limits, prefix: str = "") -> Options:
    """Draw the sliders, their keys after `prefix`; return what differs from the model's own recipe."""
    places = dict(zip(_keys(model, prefix), _places(model.recipe, limits), strict=True))
    for key, place in places.items():
        st.session_state.setdefault(key, place)
    lam, steps = places
    with st.popover("How it adapts", icon=":material/tune:", type="tertiary"):
        exponent = st.slider(
            "Closeness λ, as a power of ten",
            LEAST_EXPONENT,
            MOST_EXPONENT,
            step=0.1,
            key=lam,
            help=LAM_HELP,
        )
        number = st.slider("Steps", 0, _most_steps(limits), key=steps, help=STEPS_HELP)
        st.caption("Only the model's own setting has been validated; see what another does to your classes.")
    return _options(model, limits, exponent, number)


def adopt(used: Recipe, model: Model, limits: Limits) -> Options:
    """Set the sliders to a recipe that was used; return what differs from the model's own."""
    exponent, steps = _places(used, limits)
    st.session_state.update(zip(_keys(model), (exponent, steps), strict=True))
    return _options(model, limits, exponent, steps)


def _keys(model: Model, prefix: str = "") -> tuple[str, str]:
    return f"{prefix}lam-{model.id}", f"{prefix}steps-{model.id}"


def _places(value: Recipe, limits: Limits) -> tuple[float, int]:
    """Return where the sliders stand for a recipe: at their ends, where it is beyond them."""
    exponent = round(log10(value.lam), 1) if value.lam else LEAST_EXPONENT
    return min(max(exponent, LEAST_EXPONENT), MOST_EXPONENT), min(value.max_steps, _most_steps(limits))


def _most_steps(limits: Limits) -> int:
    return max(1, min(MOST_STEPS, limits.max_inner_steps))


def _options(model: Model, limits: Limits, exponent: float, steps: int) -> Options:
    own_exponent, own_steps = _places(model.recipe, limits)
    options = Options()
    if exponent != own_exponent:
        options["lam"] = round(10**exponent, 6)
    if steps != own_steps:
        options["max_steps"] = steps
    return options
