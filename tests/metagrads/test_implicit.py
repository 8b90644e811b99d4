"""The implicit meta-gradient against closed forms, long unrolled loops and finite differences."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.method import outer_gradient, pull_back
from imaml.metagrads.vectorised import TaskObjective
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.l_bfgs import LBFGS
from imaml.solvers.neumann import Neumann
from imaml.solvers.newton_cg import NewtonCG
from imaml.solvers.objective import InnerSolver
from imaml.solvers.status import Status
from tests.metagrads.differences import assert_is_gradient
from tests.metagrads.registry import LAM, Instance, quadratic, smooth

CONVERGED = NewtonCG(50, 30, tolerance=1e-12)
EXACT = ConjugateGradient(200, tolerance=1e-12)


@pytest.mark.parametrize("lam", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("linear_solver", [EXACT, Neumann(8000, rate=0.02, tolerance=1e-10)], ids=str)
def test_equals_the_closed_form_on_quadratics(lam: float, linear_solver: ConjugateGradient | Neumann) -> None:
    problem, theta, tasks = parts(quadratic())
    adaptation = ProximalAdaptation(problem, CONVERGED, lam)
    result = ImplicitGradient(adaptation, linear_solver).solve(theta, tasks)

    identity = torch.eye(len(theta), dtype=torch.float64)
    phi = torch.linalg.solve(tasks.A + lam * identity, tasks.a + lam * (problem.M @ theta))
    v = (tasks.B @ phi[..., None])[..., 0] - tasks.b
    g = torch.linalg.solve(identity + tasks.A / lam, v)
    assert torch.allclose(result.inner.value, phi, atol=1e-8, rtol=0)
    assert torch.allclose(result.value, problem.M.T @ g.mean(0), atol=1e-7, rtol=0)


def parts(instance: Instance) -> tuple[Any, Tensor, Any]:
    return instance.problem, instance.theta, instance.tasks


def test_damping_is_the_named_change_of_the_system() -> None:
    problem, theta, tasks = parts(quadratic())
    lam, damping = 0.5, 2.0
    adaptation = ProximalAdaptation(problem, CONVERGED, lam)
    result = ImplicitGradient(adaptation, EXACT, damping).solve(theta, tasks)
    v = (tasks.B @ result.inner.value[..., None])[..., 0] - tasks.b
    g = torch.linalg.solve(torch.eye(len(theta), dtype=torch.float64) + tasks.A / (lam + damping), v)
    assert torch.allclose(result.value, problem.M.T @ g.mean(0), atol=1e-8, rtol=0)


def test_a_strong_proximal_term_leaves_the_gradient_at_the_centre() -> None:
    problem, theta, tasks = parts(quadratic())
    adaptation = ProximalAdaptation(problem, CONVERGED, 1e8)
    result = ImplicitGradient(adaptation, EXACT).solve(theta, tasks)
    theta = theta.clone().requires_grad_()
    centres = adaptation.centres(theta, tasks)
    (expected,) = torch.autograd.grad(vmap(problem.outer_loss)(centres, tasks).mean(), theta)
    assert torch.allclose(result.inner.value, centres, atol=1e-6)
    assert torch.allclose(result.value, expected, atol=1e-6)


def test_a_weak_proximal_term_forgets_the_centre() -> None:
    problem, theta, tasks = parts(quadratic())
    adaptation = ProximalAdaptation(problem, CONVERGED, 1e-8)
    result = ImplicitGradient(adaptation, EXACT).solve(theta, tasks)
    assert torch.allclose(result.inner.value, torch.linalg.solve(tasks.A, tasks.a), atol=1e-5)
    assert result.value.norm() <= 1e-5


def test_it_and_the_unrolled_gradient_agree_as_both_converge() -> None:
    problem, theta, tasks = parts(smooth())
    linear_solver = ConjugateGradient(
        200, tolerance=1e-7
    )  # further on, rounding decides the curvature's sign
    exact = ImplicitGradient(ProximalAdaptation(problem, CONVERGED, LAM), linear_solver).solve(theta, tasks)
    assert (exact.inner.status == Status.CONVERGED).all()
    assert (exact.linear.status == Status.CONVERGED).all()
    errors: list[tuple[float, float]] = []
    for steps in (2, 5, 10):
        solver = GradientDescent(steps, 0.15)
        adaptation = ProximalAdaptation(problem, solver, LAM)
        implicit = ImplicitGradient(adaptation, linear_solver).solve(theta, tasks).value
        unrolled = differentiated_through_the_path(solver, theta, problem, tasks)
        scale = exact.value.norm()
        errors.append(tuple(float((v - exact.value).norm() / scale) for v in (implicit, unrolled)))
    for method in zip(*errors, strict=True):
        assert method[1] <= method[0] / 3
        assert method[2] <= method[1] / 3
        assert method[2] <= 1e-2


def differentiated_through_the_path(solver: InnerSolver, theta: Tensor, problem: Any, tasks: Any) -> Tensor:
    theta = theta.clone().requires_grad_()
    centres = vmap(problem.centre, (None, 0))(theta, tasks)
    phi = solver.solve(TaskObjective(problem, tasks, differentiable=True), centres, LAM).value
    return torch.autograd.grad(vmap(problem.outer_loss)(phi, tasks).mean(), theta)[0]


@pytest.mark.parametrize("solver", [CONVERGED, LBFGS(500, tolerance=1e-11)], ids=str)
def test_agrees_with_central_differences_of_the_outer_objective(solver: InnerSolver) -> None:
    problem, theta, tasks = parts(smooth())
    adaptation = ProximalAdaptation(problem, solver, LAM)
    gradient = ImplicitGradient(adaptation, EXACT).solve(theta, tasks).value

    def outer(theta: Tensor) -> Tensor:
        phi = adaptation.solve(adaptation.centres(theta, tasks), tasks).value
        return vmap(problem.outer_loss)(phi, tasks).mean()

    assert_is_gradient(gradient, outer, theta)


def test_no_linear_step_is_the_first_order_gradient_through_the_centre() -> None:
    problem, theta, tasks = parts(smooth())
    adaptation = ProximalAdaptation(problem, GradientDescent(5, 0.1), LAM)
    result = ImplicitGradient(adaptation, ConjugateGradient(0), damping=0.7).solve(theta, tasks)
    theta = theta.clone().requires_grad_()
    _, v = outer_gradient(adaptation, result.inner.value, tasks)
    expected = pull_back(adaptation.centres(theta, tasks), theta, v)
    assert torch.allclose(result.value, expected, atol=1e-14)


@pytest.mark.parametrize("damping", [-0.1, float("nan")])
def test_damping_below_0_is_refused(damping: float) -> None:
    adaptation = ProximalAdaptation(quadratic().problem, CONVERGED, 1.0)
    with pytest.raises(ValueError, match="damping is"):
        ImplicitGradient(adaptation, EXACT, damping)
