"""The closed form that the gradient-error benchmark compares with, and that both methods reach it."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from benchmarks import gradient_error

SIZE = 6


def solved_outer_loss(theta: Tensor, tasks: gradient_error.Quadratic) -> Tensor:
    system = tasks.A + gradient_error.LAM * torch.eye(SIZE, dtype=torch.float64)
    phi = torch.linalg.solve(system, tasks.a + gradient_error.LAM * theta)
    losses = [
        gradient_error.QuadraticProblem().outer_loss(phi[i], gradient_error.Quadratic(*(p[i] for p in tasks)))
        for i in range(len(theta))
    ]
    return torch.stack(losses).sum()


def test_closed_form_is_the_derivative_of_the_solved_problem() -> None:
    theta, tasks = gradient_error.draw(3, SIZE)
    theta.requires_grad_()
    (derivative,) = torch.autograd.grad(solved_outer_loss(theta, tasks), theta)
    assert_close(gradient_error.exact(theta.detach(), tasks), derivative)


def test_eigenvalues_of_the_tasks_are_as_the_report_says() -> None:
    _, tasks = gradient_error.draw(2, SIZE)
    eigenvalues = torch.linalg.eigvalsh(tasks.A)
    assert_close(eigenvalues[:, 0], torch.full((2,), 1 / gradient_error.CONDITION, dtype=torch.float64))
    assert_close(eigenvalues[:, -1], torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("method", ["implicit", "unrolled"])
def test_both_methods_reach_the_exact_meta_gradient(method: str) -> None:
    theta, tasks = gradient_error.draw(3, SIZE)
    truths = gradient_error.exact(theta, tasks)

    def errors(steps: int) -> list[float]:
        if method == "unrolled":
            return gradient_error.errors(gradient_error.unrolled(theta, tasks, steps), truths)
        return gradient_error.errors(gradient_error.implicit(theta, tasks, steps, cg_steps=SIZE), truths)

    assert min(errors(1)) > 0.1
    assert max(errors(400)) < 1e-8


def test_error_is_relative_and_of_each_task() -> None:
    truths = torch.tensor([[3.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    gradients = torch.tensor([[3.0, 5.0], [0.0, 2.0]], dtype=torch.float64)
    assert gradient_error.errors(gradients, truths) == [pytest.approx(0.2), torch.finfo(torch.float64).eps]
