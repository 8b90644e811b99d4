"""First-order MAML, the prototypical network and Reptile against their formulas."""

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.first_order import FirstOrderGradient
from imaml.metagrads.reptile import Reptile
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.nets.heads import PlainHead
from imaml.solvers.adam import Adam
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.objective import InnerSolver
from tests.metagrads.registry import FEATURES, Instance, smooth
from tests.metagrads.smooth import WAYS

SOLVERS = pytest.mark.parametrize("solver", [GradientDescent(3, 0.2), Adam(3, 0.02)], ids=str)


def path_end(instance: Instance, solver: InnerSolver) -> tuple[Tensor, Tensor]:
    """Centres and where plain descent ends."""
    adaptation = PlainDescent(instance.problem, solver)
    centres = adaptation.centres(instance.theta, instance.tasks)
    return centres, adaptation.solve(centres, instance.tasks).value


@SOLVERS
def test_fomaml_is_the_gradient_of_a_constant_displacement(solver: InnerSolver) -> None:
    instance = smooth()
    centres, phi = path_end(instance, solver)
    theta = instance.theta.clone().requires_grad_()
    moved = vmap(instance.problem.centre, (None, 0))(theta, instance.tasks) + (phi - centres)
    outer = vmap(instance.problem.outer_loss)(moved, instance.tasks)
    (expected,) = torch.autograd.grad(outer.mean(), theta)
    result = FirstOrderGradient(PlainDescent(instance.problem, solver)).solve(instance.theta, instance.tasks)
    assert torch.allclose(result.value, expected, atol=1e-13)
    assert torch.allclose(result.outer_losses, outer, atol=1e-13)


def test_fomaml_is_v_itself_where_the_centre_is_theta() -> None:
    instance = smooth(PlainHead(FEATURES, WAYS))
    solver = GradientDescent(3, 0.2)
    _, phi = path_end(instance, solver)
    phi = phi.requires_grad_()
    (v,) = torch.autograd.grad(vmap(instance.problem.outer_loss)(phi, instance.tasks).sum(), phi)
    result = FirstOrderGradient(PlainDescent(instance.problem, solver)).solve(instance.theta, instance.tasks)
    assert torch.allclose(result.value, v.mean(0), atol=1e-14)


def test_with_no_steps_fomaml_leaves_nothing_out() -> None:
    instance = smooth()
    adaptation = PlainDescent(instance.problem, GradientDescent(0, 0.1))
    first_order, exact = (
        method(adaptation).solve(instance.theta, instance.tasks)
        for method in (FirstOrderGradient, UnrolledGradient)
    )
    assert torch.allclose(first_order.value, exact.value, atol=1e-14)


@SOLVERS
def test_reptile_is_theta_minus_phi_where_the_centre_is_theta(solver: InnerSolver) -> None:
    instance = smooth(PlainHead(FEATURES, WAYS))
    _, phi = path_end(instance, solver)
    result = Reptile(PlainDescent(instance.problem, solver)).solve(instance.theta, instance.tasks)
    assert torch.allclose(result.value, (instance.theta - phi).mean(0), atol=1e-14)
    expected = vmap(instance.problem.outer_loss)(phi, instance.tasks)
    assert torch.allclose(result.outer_losses, expected, atol=1e-14)


def test_reptile_moves_a_made_centre_towards_phi() -> None:
    """It is the gradient of the mean of ‖c(θ) − φ‖²/2 with φ held."""
    instance = smooth()
    _, phi = path_end(instance, GradientDescent(3, 0.2))
    theta = instance.theta.clone().requires_grad_()
    centres = vmap(instance.problem.centre, (None, 0))(theta, instance.tasks)
    (expected,) = torch.autograd.grad((centres - phi).square().sum(1).mean() / 2, theta)
    adaptation = PlainDescent(instance.problem, GradientDescent(3, 0.2))
    result = Reptile(adaptation).solve(instance.theta, instance.tasks)
    assert torch.allclose(result.value, expected, atol=1e-14)
