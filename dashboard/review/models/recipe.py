"""The recipe by which a model adapts, each term with what it means."""

from typing import NamedTuple

import streamlit as st

from dashboard import sentences
from imaml.client import Recipe

_LINE_SEARCH = ("newton_cg", "l_bfgs")  # they find the length of a step themselves
_SOLVER = "How it comes from where the model starts to what fits your examples."
_SOLVERS = {
    "gradient_descent": "Each step goes straight down the gradient.",
    "accelerated": "Gradient descent with Nesterov's momentum.",
    "momentum": "Gradient descent that keeps part of its speed from step to step.",
    "adam": "Each parameter has a rate of its own, from the gradients so far.",
    "newton_cg": "Newton's method: conjugate gradients find each step from the curvature.",
    "l_bfgs": "A quasi-Newton method: it learns the curvature from the last steps.",
}


class Term(NamedTuple):
    """A setting with its value and what it means."""

    name: str
    value: str
    meaning: str


def recipe(value: Recipe) -> None:
    """Draw the terms of a recipe."""
    with st.container(horizontal=True, gap="large", key="recipe"):
        for term in terms(value):
            st.metric(term.name, term.value, help=term.meaning, width="content")


def terms(value: Recipe) -> list[Term]:
    """Return the settings that play a part in a recipe."""
    shown = [
        Term("Solver", sentences.solver(value.solver), _SOLVERS.get(value.solver, _SOLVER)),
        Term("Steps", f"{value.max_steps:,}", "How many steps it takes at most towards your examples."),
    ]
    if value.solver not in _LINE_SEARCH:
        shown.append(Term("Rate", f"{value.inner_lr:g}", "How long each step is."))
    closeness = "The larger, the closer what is learned stays to where the model starts."
    if value.lam_scales:
        closeness += " Each layer has a factor of its own, which was learned."
    shown.append(Term("λ", f"{value.lam:g}", closeness))
    never = "none" if value.tolerance == 0 else f"{value.tolerance:g}"
    shown.append(Term("Tolerance", never, "It stops early once the residual is as small as this."))
    match value.solver:
        case "momentum":
            shown.append(Term("Momentum", f"{value.momentum:g}", "The share of its speed that a step keeps."))
        case "newton_cg":
            shown.append(
                Term("CG steps", f"{value.cg_steps}", "Conjugate gradient steps for each of its own.")
            )
        case "l_bfgs":
            shown.append(Term("Memory", f"{value.memory}", "How many of the last steps it learns from."))
        case _:
            pass
    return shown
