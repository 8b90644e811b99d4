"""Task adaptation: strengths that make sense, and bfloat16 for the inner solver alone."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from imaml.metagrads.adaptation import PlainDescent, ProximalAdaptation
from imaml.metagrads.vectorised import TaskObjective
from imaml.solvers.gradient_descent import GradientDescent
from tests.metagrads.registry import LAM, Instance, quadratic, smooth


@pytest.mark.parametrize("lam", [0.0, -1.0, float("nan")])
def test_a_lam_that_is_not_positive_is_refused(lam: float) -> None:
    with pytest.raises(ValueError, match="lam is"):
        ProximalAdaptation(quadratic().problem, GradientDescent(1, 0.1), lam)


def test_plain_descent_is_free_of_the_centre() -> None:
    instance = quadratic()
    adaptation = PlainDescent(instance.problem, GradientDescent(3000, 0.2, tolerance=1e-10))
    centres = adaptation.centres(instance.theta, instance.tasks)
    exact = torch.linalg.solve(instance.tasks.A, instance.tasks.a)
    assert torch.allclose(adaptation.solve(centres, instance.tasks).value, exact, atol=1e-8)


def single() -> tuple[Instance, Tensor]:
    """The smooth problem in float32, and centres."""
    instance = smooth()
    tasks = type(instance.tasks)(*(p.float() if p.is_floating_point() else p for p in instance.tasks))
    instance = replace(instance, theta=instance.theta.float(), tasks=tasks)
    adaptation = PlainDescent(instance.problem, GradientDescent(1, 0.1))
    return instance, adaptation.centres(instance.theta, instance.tasks)


def test_autocast_makes_gradients_coarse_and_leaves_their_type() -> None:
    instance, phi = single()
    exact, coarse = (
        TaskObjective(instance.problem, instance.tasks, autocast=autocast).value_and_gradient(phi)
        for autocast in (False, True)
    )
    for ours, theirs in zip(exact, coarse, strict=True):
        assert theirs.dtype == torch.float32
        error = (ours - theirs).norm() / ours.norm()
        assert 1e-6 < error < 0.05


def test_autocast_leaves_curvature_products_as_they_are() -> None:
    instance, phi = single()
    plain, coarse = (
        TaskObjective(instance.problem, instance.tasks, autocast=autocast) for autocast in (False, True)
    )
    vector = torch.ones_like(phi)
    assert torch.equal(plain.curvature(phi)(vector), coarse.curvature(phi)(vector))
    assert torch.equal(plain.gauss_newton(phi)(vector), coarse.gauss_newton(phi)(vector))


def test_the_inner_solver_alone_is_under_autocast() -> None:
    instance, phi = single()
    adaptation = ProximalAdaptation(instance.problem, GradientDescent(3, 0.1), LAM, autocast=True)
    assert adaptation.objective(instance.tasks).autocast
    coarse = adaptation.solve(phi, instance.tasks).value
    exact = replace(adaptation, autocast=False).solve(phi, instance.tasks).value
    assert not torch.equal(coarse, exact)
    assert torch.allclose(coarse, exact, atol=0.02)
