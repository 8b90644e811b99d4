"""The implicit meta-gradient against closed forms, long unrolled loops and finite differences."""

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.status import Status
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot
from tests.metagrads.smooth import smooth_problem
from tests.solvers.problems import QuadraticProblem, quadratics

CONVERGED = GradientDescent(20_000, 0.1, tolerance=1e-12)
EXACT = ConjugateGradient(200, tolerance=1e-7)


@pytest.mark.parametrize("lam", [0.1, 1.0, 10.0])
def test_equals_the_closed_form_on_quadratics(lam: float) -> None:
    size = 8
    problem, tasks = QuadraticProblem(size), quadratics(tasks=5, size=size)
    theta = torch.linspace(-1, 1, size, dtype=torch.float64)
    adaptation = ProximalAdaptation(problem, GradientDescent(20_000, 0.05, 1e-13), lam)
    result = ImplicitGradient(adaptation, ConjugateGradient(200, 1e-12)).solve(theta, tasks)

    identity = torch.eye(size, dtype=torch.float64)
    phi = torch.linalg.solve(tasks.A + lam * identity, tasks.a + lam * (problem.M @ theta))
    v = (tasks.B @ phi[..., None])[..., 0] - tasks.b
    g = torch.linalg.solve(identity + tasks.A / lam, v)
    assert torch.allclose(result.inner.value, phi, atol=1e-8, rtol=0)
    assert torch.allclose(result.value, problem.M.T @ g.mean(0), atol=1e-8, rtol=0)


def test_damping_is_the_named_change_of_the_system() -> None:
    size, lam, damping = 6, 0.5, 2.0
    problem, tasks = QuadraticProblem(size), quadratics(tasks=2, size=size)
    theta = torch.ones(size, dtype=torch.float64)
    adaptation = ProximalAdaptation(problem, GradientDescent(20_000, 0.1, 1e-13), lam)
    result = ImplicitGradient(adaptation, ConjugateGradient(200, 1e-12), damping).solve(theta, tasks)
    v = (tasks.B @ result.inner.value[..., None])[..., 0] - tasks.b
    g = torch.linalg.solve(torch.eye(size, dtype=torch.float64) + tasks.A / (lam + damping), v)
    assert torch.allclose(result.value, problem.M.T @ g.mean(0), atol=1e-8, rtol=0)


@pytest.fixture(scope="module")
def smooth() -> tuple[FewShot, Tensor, Episodes]:
    return smooth_problem(tasks=3, seed=2)


LAM = 4.0  # enough for a unique minimum of these tasks, and no negative curvature on the way of the solve


def test_agrees_with_differentiation_through_a_long_unrolled_loop(
    smooth: tuple[FewShot, Tensor, Episodes],
) -> None:
    problem, theta, tasks = smooth
    result = ImplicitGradient(ProximalAdaptation(problem, CONVERGED, LAM), EXACT).solve(theta, tasks)
    assert (result.inner.status == Status.CONVERGED).all()
    assert (result.linear.status == Status.CONVERGED).all()

    theta = theta.clone().requires_grad_()
    centres = vmap(problem.centre, (None, 0))(theta, tasks)
    phi = centres
    for _ in range(300):
        loss = vmap(problem.inner_loss)(phi, tasks).sum()
        (gradient,) = torch.autograd.grad(loss, phi, create_graph=True)
        phi = phi - 0.1 * (gradient + LAM * (phi - centres))
    (unrolled,) = torch.autograd.grad(vmap(problem.outer_loss)(phi, tasks).mean(), theta)
    assert (result.value - unrolled).norm() <= 1e-4 * unrolled.norm()


def test_agrees_with_central_differences_of_the_outer_objective(
    smooth: tuple[FewShot, Tensor, Episodes],
) -> None:
    problem, theta, tasks = smooth
    adaptation = ProximalAdaptation(problem, CONVERGED, LAM)
    gradient = ImplicitGradient(adaptation, EXACT).solve(theta, tasks).value

    def outer(theta: Tensor) -> Tensor:
        phi = adaptation.solve(adaptation.centres(theta, tasks), tasks).value
        return vmap(problem.outer_loss)(phi, tasks).mean()

    step = 1e-5
    differences = torch.stack(
        [
            (outer(theta + step * e) - outer(theta - step * e)) / (2 * step)
            for e in torch.eye(len(theta)).double()
        ]
    )
    assert (gradient - differences).norm() <= 1e-4 * differences.norm()


def test_the_vectorised_meta_batch_equals_the_loop_over_single_tasks(
    smooth: tuple[FewShot, Tensor, Episodes],
) -> None:
    problem, theta, tasks = smooth
    method = ImplicitGradient(ProximalAdaptation(problem, GradientDescent(7, 0.1), LAM), ConjugateGradient(3))
    together = method.solve(theta, tasks)
    alone = [method.solve(theta, Episodes(*(part[task : task + 1] for part in tasks))) for task in range(3)]
    assert torch.allclose(together.value, torch.stack([one.value for one in alone]).mean(0), atol=1e-12)
    assert torch.allclose(together.outer_losses, torch.cat([one.outer_losses for one in alone]), atol=1e-12)


def test_no_linear_step_is_the_first_order_gradient_through_the_centre(
    smooth: tuple[FewShot, Tensor, Episodes],
) -> None:
    problem, theta, tasks = smooth
    adaptation = ProximalAdaptation(problem, GradientDescent(5, 0.1), LAM)
    result = ImplicitGradient(adaptation, ConjugateGradient(0)).solve(theta, tasks)
    phi = result.inner.value.requires_grad_()
    (v,) = torch.autograd.grad(vmap(problem.outer_loss)(phi, tasks).sum(), phi)
    theta = theta.clone().requires_grad_()
    (expected,) = torch.autograd.grad(adaptation.centres(theta, tasks), theta, v / 3)
    assert torch.allclose(result.value, expected, atol=1e-14)


def test_memory_of_the_graph_does_not_hold_the_path(smooth: tuple[FewShot, Tensor, Episodes]) -> None:
    problem, theta, tasks = smooth
    adaptation = ProximalAdaptation(problem, GradientDescent(3, 0.1), LAM)
    centres = adaptation.centres(theta.clone().requires_grad_(), tasks)
    assert not adaptation.solve(centres, tasks).value.requires_grad


@pytest.mark.parametrize("lam", [0.0, -1.0, float("nan")])
def test_a_lam_that_is_not_positive_is_refused(lam: float) -> None:
    with pytest.raises(ValueError, match="lam is"):
        ProximalAdaptation(QuadraticProblem(2), GradientDescent(1, 0.1), lam)
