"""The Neumann series: its partial sums, and an honest end where it does not converge."""

import pytest
import torch
from torch import Tensor

from imaml.solvers.neumann import Neumann
from imaml.solvers.status import Status
from tests.solvers.test_linear import SHIFTS, product, system, whole


@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS)
@pytest.mark.parametrize("terms", [1, 2, 5])
def test_as_many_steps_are_as_many_terms(shift: float | Tensor, terms: int) -> None:
    curvature, b = system()
    curvature = curvature / 4
    term = b / shift
    total = term
    for _ in range(terms - 1):
        term = -product(curvature)(term) / shift
        total = total + term
    solution = Neumann(terms).solve(product(curvature), b, shift)
    assert torch.allclose(solution.value, total, atol=1e-12, rtol=0)


def test_the_rate_scales_each_correction() -> None:
    """A step is x ← x + α S⁻¹(b − (S + C)x)."""
    curvature, b = system()
    shift = torch.as_tensor(SHIFTS["a number for each coordinate"])
    x = torch.zeros_like(b)
    for _ in range(4):
        x = x + 0.3 * (b - product(whole(curvature, shift))(x)) / shift
    solution = Neumann(4, rate=0.3).solve(product(curvature), b, shift)
    assert torch.allclose(solution.value, x, atol=1e-12, rtol=0)


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_a_series_that_grows_at_once_leaves_the_first_order_gradient(rate: float) -> None:
    curvature, b = system(tasks=2)
    curvature = 100 * torch.eye(len(b[0]), dtype=torch.float64) + 0 * curvature
    solution = Neumann(20, rate).solve(product(curvature), b, 2.0)
    assert (solution.status == Status.DIVERGED).all()
    assert torch.equal(solution.value, b / 2.0)
    residual = b - product(whole(curvature, 2.0))(solution.value)
    assert torch.allclose(solution.residual, residual.norm(dim=-1) / b.norm(dim=-1))


def test_a_series_that_grows_later_keeps_its_best_iterate() -> None:
    b = torch.tensor([[1.0, 1e-3], [1.0, 1e-3]], dtype=torch.float64)
    curvature = torch.diag_embed(torch.tensor([[0.5, 1.5], [0.5, 0.4]], dtype=torch.float64))
    solution = Neumann(60).solve(product(curvature), b)
    assert solution.status.tolist() == [Status.DIVERGED, Status.CONVERGED]
    residuals = torch.stack([Neumann(steps).solve(product(curvature), b).residual for steps in range(1, 60)])
    assert solution.residual[0] == residuals[:, 0].min()
    assert solution.residual[0] < residuals[0, 0]
    expected = torch.linalg.solve(whole(curvature[1], 1.0), b[1])
    assert torch.allclose(solution.value[1], expected, atol=1e-5)


def test_a_lower_rate_converges_where_the_plain_series_does_not() -> None:
    curvature, b = system()
    curvature = 2 * curvature / torch.linalg.matrix_norm(curvature, 2)[:, None, None]
    assert (Neumann(300).solve(product(curvature), b).status == Status.DIVERGED).all()
    assert (Neumann(300, rate=0.5).solve(product(curvature), b).status == Status.CONVERGED).all()


def test_a_residual_that_grows_only_in_another_norm_is_no_divergence() -> None:
    """S^-½ C S^-½ is [[0.5, 0.4], [0.4, 0.5]] and the series converges; ‖b − (S + C)x‖ grows at first."""
    shift = torch.tensor([1.0, 100.0], dtype=torch.float64)
    curvature = torch.tensor([[0.5, 4.0], [4.0, 50.0]], dtype=torch.float64)
    b = torch.tensor([1.0, 0.0], dtype=torch.float64)
    first = Neumann(1).solve(product(curvature), b, shift)
    solution = Neumann(200).solve(product(curvature), b, shift)
    assert first.residual > 1
    assert solution.status == Status.CONVERGED
    assert torch.allclose(solution.value, torch.linalg.solve(whole(curvature, shift), b), atol=1e-5)
