"""Conjugate gradients on I + curvature: exact on definite systems, safe on indefinite ones."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.status import Status
from tests.solvers.problems import quadratics

SIZE = 10


def system(tasks: int = 4) -> tuple[Tensor, Tensor]:
    """A = I + H with H positive definite [tasks, size, size], and right-hand sides."""
    task = quadratics(tasks, SIZE)
    return torch.eye(SIZE, dtype=torch.float64) + task.A, task.b


def product(matrix: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda p: (matrix @ p[..., None])[..., 0]


def test_solves_definite_systems_exactly_in_as_many_steps_as_dimensions() -> None:
    matrix, b = system()
    solution = ConjugateGradient(SIZE + 2, tolerance=1e-12).solve(product(matrix), b)
    assert torch.allclose(solution.value, torch.linalg.solve(matrix, b), atol=1e-10, rtol=0)
    assert (solution.status == Status.CONVERGED).all()
    assert (solution.residual <= 1e-12).all()


def test_a_batch_is_solved_as_each_system_alone() -> None:
    matrix, b = system()
    together = ConjugateGradient(4).solve(product(matrix), b)
    for task in range(len(b)):
        alone = ConjugateGradient(4).solve(product(matrix[task]), b[task])
        assert torch.allclose(together.value[task], alone.value, atol=1e-14, rtol=0)
        assert together.status[task] == alone.status


def test_the_residual_is_that_of_the_returned_value() -> None:
    matrix, b = system()
    solution = ConjugateGradient(3).solve(product(matrix), b)
    residual = b - product(matrix)(solution.value)
    expected = residual.norm(dim=-1) / b.norm(dim=-1)
    assert torch.allclose(solution.residual, expected, rtol=1e-10, atol=0)
    assert (solution.status == Status.STEP_LIMIT).all()


def test_each_step_makes_the_energy_norm_of_the_error_smaller() -> None:
    matrix, b = system()
    exact = torch.linalg.solve(matrix, b)
    energies = []
    for steps in range(1, SIZE):
        error = ConjugateGradient(steps, tolerance=1e-15).solve(product(matrix), b).value - exact
        energies.append((error * product(matrix)(error)).sum(-1))
    assert (torch.stack(energies).diff(dim=0) < 0).all()


def test_no_step_is_the_first_order_gradient() -> None:
    matrix, b = system()
    solution = ConjugateGradient(0).solve(product(matrix), b)
    assert torch.equal(solution.value, b)


def test_negative_curvature_along_the_first_direction_leaves_the_right_hand_side() -> None:
    b = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    matrix = torch.diag(torch.tensor([0.5, 0.9, 3.0], dtype=torch.float64))  # I + diag(-0.5, -0.1, 2)
    solution = ConjugateGradient(5).solve(product(matrix), b)
    assert solution.status == Status.NEGATIVE_CURVATURE
    assert torch.equal(solution.value, b)
    assert torch.allclose(solution.residual, (b - matrix @ b).norm() / b.norm())


def test_negative_curvature_met_later_keeps_the_last_iterate() -> None:
    b = torch.tensor([1.0, 1.0, 0.3], dtype=torch.float64)
    matrix = torch.diag(torch.tensor([9.0, 2.0, 0.2], dtype=torch.float64))
    stopped = ConjugateGradient(10).solve(product(matrix), b)
    assert stopped.status == Status.NEGATIVE_CURVATURE
    iterates = [ConjugateGradient(steps).solve(product(matrix), b) for steps in (1, 2)]
    assert any(torch.equal(stopped.value, iterate.value) for iterate in iterates)
    assert not torch.equal(stopped.value, b)


def test_curvature_is_negative_before_the_system_is_indefinite() -> None:
    """A is still positive definite here; only pᵀAp < pᵀp tells that H is not."""
    b = torch.ones(2, dtype=torch.float64)
    matrix = torch.diag(torch.tensor([0.6, 0.7], dtype=torch.float64))
    assert ConjugateGradient(5).solve(product(matrix), b).status == Status.NEGATIVE_CURVATURE


def test_one_indefinite_system_does_not_touch_its_neighbours() -> None:
    matrix, b = system(tasks=2)
    spoiled = matrix.clone()
    spoiled[0] = 0.1 * torch.eye(SIZE, dtype=torch.float64)
    solution = ConjugateGradient(SIZE + 2, tolerance=1e-12).solve(product(spoiled), b)
    assert solution.status.tolist() == [Status.NEGATIVE_CURVATURE, Status.CONVERGED]
    assert torch.allclose(solution.value[1], torch.linalg.solve(matrix[1], b[1]), atol=1e-10, rtol=0)


def test_zero_has_the_solution_zero() -> None:
    matrix, b = system(tasks=2)
    solution = ConjugateGradient(3).solve(product(matrix), torch.zeros_like(b))
    assert torch.equal(solution.value, torch.zeros_like(b))
    assert (solution.status == Status.CONVERGED).all()


def test_what_is_not_finite_is_said_to_be_so() -> None:
    matrix, b = system(tasks=2)
    b[0, 0] = torch.nan
    solution = ConjugateGradient(3).solve(product(matrix), b)
    assert solution.status.tolist() == [Status.NON_FINITE, Status.STEP_LIMIT]


def test_a_product_that_is_not_finite_leaves_the_last_iterate() -> None:
    matrix, b = system(tasks=2)
    calls: list[Tensor] = []

    def breaking(p: Tensor) -> Tensor:
        calls.append(p)
        image = product(matrix)(p)
        return image * torch.tensor([[torch.nan], [1.0]]) if len(calls) == 3 else image

    solution = ConjugateGradient(5).solve(breaking, b)
    assert solution.status.tolist() == [Status.NON_FINITE, Status.STEP_LIMIT]
    assert torch.equal(solution.value[0], ConjugateGradient(2).solve(product(matrix), b).value[0])
    assert torch.equal(solution.value[1], ConjugateGradient(5).solve(product(matrix), b).value[1])


@pytest.mark.parametrize(("steps", "tolerance"), [(-1, 1e-6), (3, 0.0), (3, -1.0), (3, float("nan"))])
def test_impossible_hyperparameters_are_refused_with_their_value(steps: int, tolerance: float) -> None:
    with pytest.raises(ValueError, match=r"(steps|tolerance) is (-1|0\.0|-1\.0|nan); it must be"):
        ConjugateGradient(steps, tolerance)
