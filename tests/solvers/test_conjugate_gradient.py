"""Conjugate gradients: exact on definite systems in few steps, safe on indefinite ones."""

import pytest
import torch
from torch import Tensor

from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.status import Status
from tests.solvers.test_linear import SHIFTS, SIZE, product, system, whole


def diagonal(*entries: float) -> Tensor:
    return torch.diag(torch.tensor(entries, dtype=torch.float64))


def test_as_many_steps_as_dimensions_are_enough() -> None:
    curvature, b = system()
    solution = ConjugateGradient(SIZE + 2, tolerance=1e-12).solve(product(30 * curvature), b)
    assert (solution.status == Status.CONVERGED).all()


@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS)
def test_each_step_makes_the_energy_norm_of_the_error_smaller(shift: float | Tensor) -> None:
    curvature, b = system()
    matrix = whole(curvature, shift)
    exact = torch.linalg.solve(matrix, b)
    energies = []
    for steps in range(1, SIZE):
        error = ConjugateGradient(steps, tolerance=1e-15).solve(product(curvature), b, shift).value - exact
        energies.append((error * product(matrix)(error)).sum(-1))
    assert (torch.stack(energies).diff(dim=0) < 0).all()


def test_a_shift_for_each_coordinate_is_the_change_of_variables_that_makes_it_the_identity() -> None:
    """(Λ + H) w = v is (I + Λ^-½ H Λ^-½) Λ^½ w = Λ^-½ v, iterate by iterate."""
    curvature, b = system()
    shift = torch.as_tensor(SHIFTS["a number for each coordinate"])
    root = shift.sqrt()
    for steps in (0, 1, 3):
        direct = ConjugateGradient(steps).solve(product(curvature), b, shift)
        changed = ConjugateGradient(steps).solve(product(curvature / (root[:, None] * root)), b / root)
        assert torch.allclose(direct.value, changed.value / root, atol=1e-12, rtol=0)


@pytest.mark.parametrize("shift", [1.0, 2.0, torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)])
def test_negative_curvature_along_the_first_direction_leaves_the_first_order_gradient(
    shift: float | Tensor,
) -> None:
    b = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    curvature = diagonal(-0.5, -0.1, 2.0)
    solution = ConjugateGradient(5).solve(product(curvature), b, shift)
    assert solution.status == Status.NEGATIVE_CURVATURE
    assert torch.equal(solution.value, b / shift)
    residual = b - whole(curvature, shift) @ solution.value
    assert torch.allclose(solution.residual, residual.norm() / b.norm())


def test_negative_curvature_met_later_keeps_the_last_iterate() -> None:
    b = torch.tensor([1.0, 1.0, 0.3], dtype=torch.float64)
    curvature = diagonal(8.0, 1.0, -0.8)
    stopped = ConjugateGradient(10).solve(product(curvature), b)
    assert stopped.status == Status.NEGATIVE_CURVATURE
    iterates = [ConjugateGradient(steps).solve(product(curvature), b) for steps in (1, 2)]
    assert any(torch.equal(stopped.value, iterate.value) for iterate in iterates)
    assert not torch.equal(stopped.value, b)


def test_curvature_is_negative_before_the_system_is_indefinite() -> None:
    """I + C is positive definite here; a shift of 0, with I in the curvature, is the textbook's rule."""
    b = torch.ones(2, dtype=torch.float64)
    curvature = diagonal(-0.4, -0.3)
    assert ConjugateGradient(5).solve(product(curvature), b).status == Status.NEGATIVE_CURVATURE
    textbook = ConjugateGradient(5).solve(product(whole(curvature, 1.0)), b, shift=0.0)
    assert textbook.status == Status.CONVERGED
    assert torch.allclose(textbook.value, torch.linalg.solve(whole(curvature, 1.0), b))


@pytest.mark.parametrize("curvature", [diagonal(-1.0, -1.0), diagonal(1.0, -1.0)])
def test_without_a_shift_the_system_itself_must_be_positive(curvature: Tensor) -> None:
    b = torch.ones(2, dtype=torch.float64)
    solution = ConjugateGradient(5).solve(product(curvature), b, shift=0.0)
    assert solution.status == Status.NEGATIVE_CURVATURE
    assert torch.equal(solution.value, b)


def test_one_indefinite_system_does_not_touch_its_neighbours() -> None:
    curvature, b = system(tasks=2)
    spoiled = curvature.clone()
    spoiled[0] = -0.9 * torch.eye(SIZE, dtype=torch.float64)
    solution = ConjugateGradient(SIZE + 2, tolerance=1e-12).solve(product(spoiled), b)
    assert solution.status.tolist() == [Status.NEGATIVE_CURVATURE, Status.CONVERGED]
    expected = torch.linalg.solve(whole(curvature[1], 1.0), b[1])
    assert torch.allclose(solution.value[1], expected, atol=1e-10, rtol=0)


def test_rounding_in_a_semidefinite_product_is_not_negative_curvature() -> None:
    """A Gauss-Newton matrix JᵀJ of low rank is zero along most directions, up to single precision."""
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.randn(16, 15, 300, generator=generator) / 300**0.5
    curvature = jacobian.mT @ jacobian
    b = torch.randn(16, 300, generator=generator)
    flat = b - product(jacobian.mT @ torch.linalg.inv(jacobian @ jacobian.mT) @ jacobian)(b)
    assert ((flat * product(curvature)(flat)).sum(-1) < 0).any()
    for right_hand_side in (b, flat):
        solution = ConjugateGradient(40).solve(product(curvature), right_hand_side)
        assert (solution.status == Status.CONVERGED).all()
