"""MAML: the gradient of the whole path, through the centre that it starts from."""

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.solvers.adam import Adam
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.momentum import Momentum
from imaml.tasks.episodes import Episodes
from tests.metagrads.differences import assert_is_gradient
from tests.metagrads.registry import Instance, quadratic, smooth

RATE = 0.2


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_equals_autograd_over_single_tasks_written_out(steps: int) -> None:
    instance = smooth()
    theta = instance.theta.clone().requires_grad_()
    losses: list[Tensor] = []
    for parts in zip(*instance.tasks, strict=True):
        task = Episodes(*parts)
        phi = instance.problem.centre(theta, task)
        for _ in range(steps):
            loss = instance.problem.inner_loss(phi, task)
            (gradient,) = torch.autograd.grad(loss, phi, create_graph=True)
            phi = phi - RATE * gradient
        losses.append(instance.problem.outer_loss(phi, task))
    (expected,) = torch.autograd.grad(torch.stack(losses).mean(), theta)
    method = UnrolledGradient(PlainDescent(instance.problem, GradientDescent(steps, RATE)))
    result = method.solve(instance.theta, instance.tasks)
    assert torch.allclose(result.value, expected, atol=1e-13)
    assert torch.allclose(result.outer_losses, torch.stack(losses), atol=1e-13)


@pytest.mark.parametrize("solver", [GradientDescent(3, RATE), Momentum(4, RATE, 0.7)], ids=str)
@pytest.mark.parametrize("instance", [quadratic(), smooth()], ids=["quadratic", "smooth"])
def test_agrees_with_central_differences(instance: Instance, solver: GradientDescent | Momentum) -> None:
    adaptation = PlainDescent(instance.problem, solver)

    def outer(theta: Tensor) -> Tensor:
        phi = adaptation.solve(adaptation.centres(theta, instance.tasks), instance.tasks).value
        return vmap(instance.problem.outer_loss)(phi, instance.tasks).mean()

    result = UnrolledGradient(adaptation).solve(instance.theta, instance.tasks)
    assert_is_gradient(result.value, outer, instance.theta)


def test_the_path_is_that_of_the_evaluation() -> None:
    instance = smooth()
    adaptation = PlainDescent(instance.problem, GradientDescent(3, RATE))
    expected = adaptation.solve(adaptation.centres(instance.theta, instance.tasks), instance.tasks)
    inner = UnrolledGradient(adaptation).solve(instance.theta, instance.tasks).inner
    assert torch.allclose(inner.value, expected.value, atol=1e-14)
    assert torch.allclose(inner.residuals, expected.residuals, atol=1e-14)


def test_solvers_that_cannot_be_differentiated_are_refused() -> None:
    problem = quadratic().problem
    with pytest.raises(ValueError, match="solver is Adam"):
        UnrolledGradient(PlainDescent(problem, Adam(3, 0.1)))
