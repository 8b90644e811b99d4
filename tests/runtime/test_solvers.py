"""Every solver without torch goes step for step where the trainer's solver of its name goes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imaml.runtime.adaptation import Solution, adapt
from imaml.runtime.graphs import Array, Evaluation, Graphs
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import SOLVERS, Recipe, RecipeError
from imaml.runtime.support import Support
from imaml.solvers.solution import InnerSolution
from imaml.store import Bundle
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot
from imaml.training.learner import from_bundle
from imaml.training.methods import adaptation_for

TASKS = ((3, 1), (3, 4), (5, 2))
"""(ways, shots)"""
STEPS = {"gradient_descent": 8, "accelerated": 8, "momentum": 8, "adam": 8, "newton_cg": 3, "l_bfgs": 6}
"""As many as two computations agree for: from each Newton step to the next, rounding grows."""
RATES = {"gradient_descent": 0.1, "accelerated": 0.03, "momentum": 0.02, "adam": 0.002}


def recipe_of(solver: str, lam: float, **settings: object) -> Recipe:
    return Recipe(solver, STEPS[solver], RATES.get(solver, 0.1), lam, **{"cg_steps": 4, **settings})


def support_of(drawings: NDArray[np.uint8], ways: int, shots: int) -> Support:
    images = drawings[:ways, :shots].reshape(-1, 1, 28, 28)
    return Support.of(images, [f"class {k}" for k in range(ways) for _ in range(shots)])


def torchs(bundle: Bundle, model: MetaModel, support: Support, recipe: Recipe) -> InnerSolution:
    """The trainer's solution of the same problem, in double precision: all errors are then the engine's."""
    predictor, theta, _ = from_bundle(bundle)
    inputs = torch.from_numpy(model.input.to_input(support.examples)).double()[None]
    targets = torch.from_numpy(support.targets).double()[None]
    task = Episodes(inputs, targets, inputs, targets, targets.argmax(-1))
    adaptation = adaptation_for(FewShot(predictor), recipe)
    return adaptation.solve(adaptation.centres(theta.double(), task).detach(), task)


def check_same(phi: NDArray[np.float32], solution: Solution, other: InnerSolution) -> None:
    np.testing.assert_allclose(phi, other.value[0].numpy(), atol=1e-4)
    assert solution.steps == other.steps[0]
    assert solution.residual == pytest.approx(float(other.residual[0]), abs=1e-4, rel=1e-3)
    _check_trace([point.loss for point in solution.trace], other.losses)
    _check_trace([point.residual for point in solution.trace], other.residuals)


def _check_trace(ours: Sequence[float], theirs: torch.Tensor) -> None:
    np.testing.assert_allclose(ours, theirs[: len(ours), 0].numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("ways", "shots"), TASKS)
@pytest.mark.parametrize("lam", [0.5, 4.0])
def test_phi_equals_torchs(
    newton_model: MetaModel,
    newton_bundle: Bundle,
    drawings: NDArray[np.uint8],
    solver: str,
    ways: int,
    shots: int,
    lam: float,
) -> None:
    support, recipe = support_of(drawings, ways, shots), recipe_of(solver, lam)
    adapted, solution = adapt(newton_model, support, recipe)
    assert solution.trace[-1].loss < solution.trace[0].loss
    check_same(adapted.phi, solution, torchs(newton_bundle, newton_model, support, recipe))


@pytest.mark.parametrize("solver", SOLVERS)
def test_lam_of_each_part_is_that_part_s(
    newton_model: MetaModel, newton_bundle: Bundle, drawings: NDArray[np.uint8], solver: str
) -> None:
    scales = tuple(np.geomspace(0.1, 10, len(newton_model.sizes)).tolist())
    support, recipe = support_of(drawings, 3, 2), recipe_of(solver, 0.5, lam_scales=scales)
    adapted, solution = adapt(newton_model, support, recipe)
    check_same(adapted.phi, solution, torchs(newton_bundle, newton_model, support, recipe))
    plain, _ = adapt(newton_model, support, replace(recipe, lam_scales=()))
    assert np.abs(adapted.phi - plain.phi).max() > 1e-3


def test_the_head_has_what_the_other_parts_leave_of_phi() -> None:
    recipe = Recipe("gradient_descent", 1, 0.1, 2.0, lam_scales=(1.0, 3.0, 0.5))
    assert recipe.strengths((2, 1, 1), 7) == pytest.approx([2, 2, 6, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("solver", "change"),
    [("momentum", {"momentum": 0.5}), ("newton_cg", {"cg_steps": 1}), ("l_bfgs", {"memory": 1})],
)
def test_a_setting_of_a_solver_reaches_it(
    newton_model: MetaModel,
    newton_bundle: Bundle,
    drawings: NDArray[np.uint8],
    solver: str,
    change: dict[str, float],
) -> None:
    support, recipe = support_of(drawings, 3, 2), recipe_of(solver, 0.5)
    changed = replace(recipe, **change)
    adapted, solution = adapt(newton_model, support, changed)
    check_same(adapted.phi, solution, torchs(newton_bundle, newton_model, support, changed))
    assert not np.allclose(adapted.phi, adapt(newton_model, support, recipe)[0].phi, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_deadline_that_is_over_at_once_leaves_the_centre(
    newton_model: MetaModel, drawings: NDArray[np.uint8], solver: str
) -> None:
    recipe = replace(recipe_of(solver, 0.5), max_steps=10**6)
    adapted, solution = adapt(newton_model, support_of(drawings, 3, 2), recipe, deadline_seconds=1e-6)
    assert (solution.steps, solution.stop_reason, solution.converged) == (0, "deadline", False)
    assert solution.distance == 0
    assert np.isfinite(adapted.phi).all()


def _blind(graphs: Graphs) -> Graphs:
    """Graphs that see the first point and no other."""
    calls = count()

    class Blind(Graphs):
        def value_and_gradient(self, phi: Array, seen: Array, targets: Array) -> Evaluation:
            found = super().value_and_gradient(phi, seen, targets)
            return found._replace(gradient=found.gradient * np.float32(np.nan if next(calls) else 1))

    return Blind(**vars(graphs))


class Clock:
    """It stands still but for the evaluations of graphs, each of which takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def slow(self, graphs: Graphs) -> Graphs:
        clock = self

        class Slow(type(graphs)):
            def value_and_gradient(self, phi: Array, seen: Array, targets: Array) -> Evaluation:
                clock.now += 1
                return super().value_and_gradient(phi, seen, targets)

            def curvature_product(self, phi: Array, seen: Array, targets: Array, p: Array) -> Array:
                clock.now += 1
                return super().curvature_product(phi, seen, targets, p)

        return Slow(**vars(graphs))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seconds", [1, 3, 6, 8])
def test_a_deadline_is_overrun_by_one_evaluation_of_a_graph_at_most(
    newton_model: MetaModel, drawings: NDArray[np.uint8], clock: Clock, solver: str, seconds: int
) -> None:
    slow = replace(newton_model, graphs=clock.slow(newton_model.graphs))
    recipe = replace(recipe_of(solver, 0.5), max_steps=10**6)
    _, solution = adapt(slow, support_of(drawings, 3, 2), recipe, deadline_seconds=seconds - 0.5)
    assert (clock.now, solution.duration_ms, solution.stop_reason) == (seconds, seconds * 1e3, "deadline")


@pytest.mark.parametrize(("seconds", "steps"), [(-2, 0), (-1, 0), (0, 1), (1, 1), (2, 1)])
def test_a_deadline_within_a_newton_step_leaves_the_point_before_it(
    newton_model: MetaModel, drawings: NDArray[np.uint8], clock: Clock, seconds: int, steps: int
) -> None:
    """The deadline lies so many seconds after the first step's last evaluation, which is a trial."""
    slow = replace(newton_model, graphs=clock.slow(newton_model.graphs))
    support, recipe = support_of(drawings, 3, 2), recipe_of("newton_cg", 0.5)
    adapt(slow, support, replace(recipe, max_steps=1))
    adapted, solution = adapt(slow, support, recipe, deadline_seconds=clock.now + seconds)
    assert (solution.steps, solution.stop_reason) == (steps, "deadline")
    there, _ = adapt(newton_model, support, replace(recipe, max_steps=steps))
    assert np.array_equal(adapted.phi, there.phi)


@pytest.mark.parametrize("solver", ["newton_cg", "l_bfgs"])
def test_the_deadline_ends_the_line_search_too(
    newton_model: MetaModel, drawings: NDArray[np.uint8], clock: Clock, solver: str
) -> None:
    slow = replace(newton_model, graphs=clock.slow(_blind(newton_model.graphs)))
    support = support_of(drawings, 3, 1)
    _, solution = adapt(slow, support, recipe_of(solver, 1e3), deadline_seconds=9.5)
    assert (clock.now, solution.steps, solution.stop_reason) == (10, 0, "deadline")
    assert solution.distance == 0


@pytest.mark.parametrize("solver", ["newton_cg", "l_bfgs"])
def test_where_no_step_helps_the_solver_stays_and_says_so(
    newton_model: MetaModel, drawings: NDArray[np.uint8], solver: str
) -> None:
    blind = replace(newton_model, graphs=_blind(newton_model.graphs))
    # λ is so great that the curvature is positive, whatever the loss's.
    _, solution = adapt(blind, support_of(drawings, 3, 1), recipe_of(solver, 1e3))
    assert (solution.steps, solution.stop_reason, solution.converged) == (0, "line_search", False)
    assert solution.distance == 0


def _upside_down(graphs: Graphs) -> Graphs:
    """Blind graphs whose curvature is negative in every direction, the proximal term's with it."""

    class UpsideDown(type(_blind(graphs))):
        def curvature_product(self, phi: Array, seen: Array, targets: Array, p: Array) -> Array:
            return np.float32(-1e6) * p

    return UpsideDown(**vars(graphs))


def test_where_newton_stays_because_of_negative_curvature_that_is_the_reason(
    newton_model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    blind = replace(newton_model, graphs=_upside_down(newton_model.graphs))
    _, solution = adapt(blind, support_of(drawings, 3, 1), recipe_of("newton_cg", 0.5))
    assert (solution.steps, solution.stop_reason, solution.converged) == (0, "negative_curvature", False)


def test_negative_curvature_alone_is_no_reason_to_stop(
    newton_model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    """It goes on against the gradient, as the trainer's does."""

    class Curved(Graphs):
        def curvature_product(self, phi: Array, seen: Array, targets: Array, p: Array) -> Array:
            return np.float32(-1e6) * p

    curved = replace(newton_model, graphs=Curved(**vars(newton_model.graphs)))
    _, solution = adapt(curved, support_of(drawings, 3, 1), recipe_of("newton_cg", 0.5))
    assert (solution.steps, solution.stop_reason) == (STEPS["newton_cg"], "step_limit")
    assert solution.trace[-1].loss < solution.trace[0].loss


def test_newton_cg_needs_a_graph_and_says_so(model: MetaModel, drawings: NDArray[np.uint8]) -> None:
    others = "gradient_descent, accelerated, momentum, adam, l_bfgs"
    with pytest.raises(RecipeError, match=f"newton_cg.*ask for one of {others}"):
        adapt(model, support_of(drawings, 2, 1), replace(model.recipe, solver="newton_cg"))
