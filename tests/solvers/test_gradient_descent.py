"""Proximal gradient descent: closed forms on quadratics, and a solution that tells the truth."""

import pytest
import torch
from torch import Tensor

from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.status import Status
from tests.solvers.problems import Quadratic, QuadraticObjective, quadratics

LAM = 0.7
SIZE = 8


def start(tasks: int = 3) -> tuple[Quadratic, Tensor, Tensor]:
    """Tasks, centres, and the exact minimisers (A + λI)⁻¹(a + λc)."""
    task = quadratics(tasks, SIZE)
    centre = torch.randn(tasks, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = torch.linalg.solve(task.A + LAM * torch.eye(SIZE, dtype=torch.float64), task.a + LAM * centre)
    return task, centre, exact


def test_reaches_the_closed_form_on_quadratics() -> None:
    task, centre, exact = start()
    solution = GradientDescent(5000, 0.2, tolerance=1e-12).solve(QuadraticObjective(task), centre, LAM)
    assert torch.allclose(solution.value, exact, atol=1e-11, rtol=0)
    assert (solution.status == Status.CONVERGED).all()


def test_a_step_is_the_formula() -> None:
    task, centre, _ = start()
    _, gradient = QuadraticObjective(task).value_and_gradient(centre)
    once = GradientDescent(1, 0.3).solve(QuadraticObjective(task), centre, LAM).value
    assert torch.allclose(once, centre - 0.3 * gradient, atol=1e-15)
    _, gradient = QuadraticObjective(task).value_and_gradient(once)
    twice = GradientDescent(2, 0.3).solve(QuadraticObjective(task), centre, LAM).value
    assert torch.allclose(twice, once - 0.3 * (gradient + LAM * (once - centre)), atol=1e-14)


def test_the_solution_tells_the_truth_about_the_returned_value() -> None:
    task, centre, _ = start()
    solution = GradientDescent(7, 0.1).solve(QuadraticObjective(task), centre, LAM)
    loss, gradient = QuadraticObjective(task).value_and_gradient(solution.value)
    residual = (gradient + LAM * (solution.value - centre)).norm(dim=-1)
    assert torch.allclose(solution.residual, residual)
    assert torch.allclose(solution.losses[-1], loss)
    assert solution.losses.shape == solution.residuals.shape == (8, 3)
    assert (solution.steps == 7).all()
    assert (solution.status == Status.STEP_LIMIT).all()


def test_each_task_of_a_batch_stops_where_it_would_alone() -> None:
    task, centre, exact = start()
    centre[1] = exact[1] = torch.linalg.solve(task.A[1], task.a[1])  # this one starts at its solution
    solver = GradientDescent(300, 0.2, tolerance=1e-3)
    together = solver.solve(QuadraticObjective(task), centre, LAM)
    assert together.steps[1] == 0
    for index in range(3):
        alone = solver.solve(
            QuadraticObjective(Quadratic(*(part[index] for part in task))), centre[index], LAM
        )
        assert torch.allclose(together.value[index], alone.value, atol=1e-14)
        assert together.steps[index] == alone.steps
        assert together.residual[index] <= 1e-3


def test_zero_steps_return_the_centre() -> None:
    task, centre, _ = start()
    assert torch.equal(GradientDescent(0, 0.1).solve(QuadraticObjective(task), centre, LAM).value, centre)


def test_divergence_is_said_to_be_one() -> None:
    task, centre, _ = start()
    solution = GradientDescent(2000, 50.0).solve(QuadraticObjective(task), centre, LAM)
    assert (solution.status == Status.NON_FINITE).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0.1, 0.0), "steps is -1"),
        ((5, 0.0, 0.0), "learning_rate is 0.0"),
        ((5, float("nan"), 0.0), "learning_rate is nan"),
        ((5, 0.1, -1e-3), "tolerance is -0.001"),
    ],
)
def test_impossible_hyperparameters_are_refused_with_their_value(
    arguments: tuple[int, float, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GradientDescent(*arguments)


def test_every_status_says_something() -> None:
    for status in Status:
        assert status.sentence.endswith(".")
