"""Curvature products of a batch of tasks against explicit matrices."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, vmap

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.vectorised import TaskObjective
from imaml.nets.losses import CrossEntropy, SquaredError
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.status import Status
from tests.metagrads.linear import LinearProblem, Table, random
from tests.metagrads.registry import Instance, smooth


def columns(product: Callable[[Tensor], Tensor], size: int, tasks: int) -> Tensor:
    """The matrices of a product [tasks, size, size]."""
    return torch.stack([product(e.expand(tasks, -1)) for e in torch.eye(size, dtype=torch.float64)], 2)


def points(instance: Instance) -> Tensor:
    centres = vmap(instance.problem.centre, (None, 0))(instance.theta, instance.tasks)
    return centres + 0.3 * random(*centres.shape, seed=3)


def test_the_hessian_is_that_of_each_task() -> None:
    instance = smooth()
    phi = points(instance)
    expected = vmap(jacrev(jacrev(instance.problem.inner_loss)))(phi, instance.tasks)
    product = TaskObjective(instance.problem, instance.tasks).curvature(phi)
    assert torch.allclose(columns(product, phi.shape[1], len(phi)), expected, atol=1e-12)


def test_gauss_newton_is_the_jacobian_around_the_curvature_of_the_loss() -> None:
    instance = smooth()
    problem, tasks, phi = instance.problem, instance.tasks, points(instance)
    jacobian = vmap(jacrev(problem.inner_outputs))(phi, tasks).flatten(1, 2)
    outputs = vmap(problem.inner_outputs)(phi, tasks)

    def loss(flat: Tensor, targets: Tensor) -> Tensor:
        return problem.predictor.loss.value(flat.reshape(targets.shape), targets)

    middle = vmap(jacrev(jacrev(loss)))(outputs.flatten(1), tasks.support_targets)
    product = TaskObjective(problem, tasks).gauss_newton(phi)
    matrices = columns(product, phi.shape[1], len(phi))
    assert torch.allclose(matrices, jacobian.mT @ middle @ jacobian, atol=1e-12)
    assert torch.linalg.eigvalsh(matrices).min() >= -1e-12


@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredError()], ids=["cross-entropy", "squared error"])
def test_of_a_linear_model_gauss_newton_is_the_hessian(loss: CrossEntropy | SquaredError) -> None:
    tasks = Table(random(2, 5, 3), random(2, 5, 4, seed=1).softmax(2) / 5)
    objective, phi = TaskObjective(LinearProblem(loss), tasks), random(2, 12, seed=2)
    both = [columns(product, 12, 2) for product in (objective.curvature(phi), objective.gauss_newton(phi))]
    assert torch.allclose(*both, atol=1e-13)
    assert both[0].abs().max() > 1e-3


def test_gauss_newton_solves_where_the_hessian_is_negative() -> None:
    """Far from a minimum and with a weak proximal term, CG on the Hessian stops and says so."""
    instance = smooth()
    adaptation = ProximalAdaptation(instance.problem, GradientDescent(1, 0.1), 1e-3)
    exact, positive = (
        ImplicitGradient(adaptation, ConjugateGradient(60), curvature=curvature).solve(
            instance.theta, instance.tasks
        )
        for curvature in ("hessian", "gauss_newton")
    )
    assert (exact.linear.status == Status.NEGATIVE_CURVATURE).any()
    assert not (positive.linear.status == Status.NEGATIVE_CURVATURE).any()
    assert (positive.linear.residual <= 1e-4).all()
