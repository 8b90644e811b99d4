"""Adaptation: from a support set to φ, by the recipe, over the model's graphs."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imaml.runtime.calibration import prototypes, signature
from imaml.runtime.graphs import Array, Centre
from imaml.runtime.model import MetaModel
from imaml.runtime.objective import DeadlinePassed, Direction, Objective, Point
from imaml.runtime.recipe import Recipe, RecipeError
from imaml.runtime.solvers import accelerated, adam, gradient_descent, l_bfgs, momentum, newton_cg
from imaml.runtime.solvers.line_search import backtrack
from imaml.runtime.support import Support, SupportError

StopReason = Literal["tolerance", "step_limit", "deadline", "line_search", "negative_curvature"]

_DIRECTIONS: dict[str, Callable[[Objective, Recipe], Direction]] = {
    "gradient_descent": gradient_descent.directions,
    "accelerated": accelerated.directions,
    "momentum": momentum.directions,
    "adam": adam.directions,
    "newton_cg": newton_cg.directions,
    "l_bfgs": l_bfgs.directions,
}
_WITH_LINE_SEARCH = ("newton_cg", "l_bfgs")


class Diverged(ValueError):
    """The inner problem left the finite numbers; the message says what to change."""


@dataclass(frozen=True)
class TracePoint:
    """The inner problem after `step` steps: loss on the support set, and residual norm."""

    step: int
    loss: float
    residual: float


@dataclass(frozen=True)
class Solution:
    """How far the inner solver went, measured at the φ that is returned."""

    steps: int
    converged: bool
    stop_reason: StopReason
    residual: float
    """‖∇L(φ) + λ(φ − c)‖₂"""
    support_loss: float
    support_accuracy: float | None
    """None in regression."""
    distance: float
    """‖φ − c‖₂"""
    trace: tuple[TracePoint, ...]
    duration_ms: float
    """Wall time from decoded examples to φ."""
    home_distance: float | None = None
    """How far the support set lies from those of the model's training; None in regression."""


@dataclass(frozen=True)
class Adapted:
    """Task parameters with what belongs to them. A prediction is a function of these and one example."""

    phi: Array
    moments: Array
    prototypes: Array
    """Mean features of each class's examples [ways, features]; none in regression."""
    classes: tuple[str, ...]
    """None in regression."""
    temperature: float = 1.0
    """By which logits are divided."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.phi.nbytes + self.moments.nbytes + self.prototypes.nbytes


def adapt(
    model: MetaModel,
    support: Support,
    recipe: Recipe,
    deadline_seconds: float | None = None,
    inputs: Array | None = None,
) -> tuple[Adapted, Solution]:
    """Solve the proximal problem on a support set; `inputs` are its examples as graphs take them, if known.

    A deadline that passes ends it after the evaluation of a graph that is under way, with the best φ that a
    step has reached: the one at which the objective is lowest. Raises SupportError for targets that are not
    the model's, RecipeError for a solver that the model has no graph for, and Diverged where the loss or its
    gradient is not finite.
    """
    _check(model, support, recipe)
    started = time.perf_counter()
    if inputs is None:
        inputs = model.input.to_input(support.examples)
    centre = model.graphs.centre(model.theta, inputs, support.targets)
    strengths = recipe.strengths(model.sizes, len(centre.phi))
    deadline = math.inf if deadline_seconds is None else started + deadline_seconds
    objective = Objective(model.graphs, centre.seen, support.targets, centre.phi, strengths, deadline)
    last, trace, stop_reason = _solve(objective, recipe)
    accuracy = None if model.regression else float((last.logits.argmax(1) == support.labels).mean())
    solution = Solution(
        steps=trace[-1].step,
        converged=stop_reason == "tolerance",
        stop_reason=stop_reason,
        residual=last.residual,
        support_loss=last.loss,
        support_accuracy=accuracy,
        distance=float(np.linalg.norm(last.phi - centre.phi)),
        trace=tuple(trace),
        duration_ms=(time.perf_counter() - started) * 1e3,
        home_distance=_home_distance(model, centre, support),
    )
    return _adapted(model, support, last), solution


def _adapted(model: MetaModel, support: Support, point: Point) -> Adapted:
    measured = model.measured(support)
    if measured is None:
        return Adapted(point.phi, point.moments, point.features[:0], ())
    centres = prototypes(point.features, support.targets)
    return Adapted(point.phi, point.moments, centres, support.classes, measured.temperature)


def _home_distance(model: MetaModel, centre: Centre, support: Support) -> float | None:
    if model.calibration is None:
        return None
    return model.calibration.home.distance(signature(centre, support.targets))


def _check(model: MetaModel, support: Support, recipe: Recipe) -> None:
    ways = len(support.classes)
    if model.regression:
        if ways:
            raise SupportError("This model predicts numbers; give each example a number, not a label.")
    elif not ways:
        raise SupportError("This model tells classes apart; give each example a label, not a number.")
    elif not model.min_ways <= ways <= model.max_ways:
        raise SupportError(
            f"The examples have {ways} different label{'s' * (ways != 1)}; "
            f"this model learns {model.min_ways} to {model.max_ways} classes."
        )
    if recipe.solver == "newton_cg" and not model.graphs.has_curvature:
        others = ", ".join(solver for solver in _DIRECTIONS if solver != "newton_cg")
        raise RecipeError(
            "solver is 'newton_cg', which needs a graph that this model does not have; "
            f"ask for one of {others}."
        )


@np.errstate(over="ignore", invalid="ignore")  # Diverged says it better
def _solve(objective: Objective, recipe: Recipe) -> tuple[Point, list[TracePoint], StopReason]:
    """Take steps from the centre until there is a reason to stop; return the point to keep and the way."""
    direction = _DIRECTIONS[recipe.solver](objective, recipe)
    point = best = objective.at_centre()
    trace: list[TracePoint] = []
    while True:
        step = len(trace)
        if not (np.isfinite(point.loss) and np.isfinite(point.residual)):
            raise Diverged(
                f"The adaptation left the finite numbers at step {step} with inner_lr {recipe.inner_lr} "
                f"and lam {recipe.lam}; lower one of them."
            )
        trace.append(TracePoint(step, point.loss, point.residual))
        best = min(point, best, key=lambda reached: reached.value)
        if recipe.tolerance and point.residual <= recipe.tolerance:
            return point, trace, "tolerance"
        if step == recipe.max_steps:
            return point, trace, "step_limit"
        try:
            following = _step(objective, recipe, point, direction)
        except DeadlinePassed:
            return best, trace, "deadline"
        if following is None:
            curved = isinstance(direction, newton_cg.Newton) and direction.met_negative_curvature
            return point, trace, "negative_curvature" if curved else "line_search"
        point = following


def _step(objective: Objective, recipe: Recipe, point: Point, direction: Direction) -> Point | None:
    """Take one step; None where the line search finds none that helps."""
    if recipe.solver in _WITH_LINE_SEARCH:
        return backtrack(objective, point, direction(point))
    return objective.at(point.phi + direction(point))
