"""Where inner solvers arrive: at the same φ* wherever it is unique, whatever their path."""

import math

import pytest
import torch
from torch import Tensor

from imaml.solvers.status import Status
from tests.solvers.problems import CONVEX, LAYERS, WELLS, Case, logistic
from tests.solvers.registry import INNER, LINE_SEARCHED, Make

TOLERANCE = 1e-8

every_solver = pytest.mark.parametrize("make", INNER.values(), ids=INNER)


def newton(case: Case) -> Tensor:
    """The minimisers of logistic regression with its proximal term, by Newton's method on whole Hessians."""
    inputs, signs = case.objective.data
    shift = torch.as_tensor(case.lam, dtype=torch.float64).expand(inputs.shape[-1]).diag()
    phi = torch.zeros_like(case.centre)
    for _ in range(12):
        miss = torch.sigmoid(-signs * (inputs @ phi[..., None])[..., 0])
        hessian = (inputs * (miss * (1 - miss))[..., None]).mT @ inputs / inputs.shape[-2] + shift
        phi = phi - torch.linalg.solve(hessian, case.gradient(phi))
    assert (case.gradient(phi).norm(dim=-1) < 1e-12).all()
    return phi


def exact(case: Case) -> Tensor:
    if case.objective.loss is logistic:
        return newton(case)
    matrix, linear = case.objective.data
    shift = torch.as_tensor(case.lam, dtype=torch.float64).expand(matrix.shape[-1])
    return torch.linalg.solve(matrix + shift.diag(), linear + shift * case.centre)


@every_solver
@pytest.mark.parametrize("case", CONVEX.values(), ids=CONVEX)
def test_every_solver_reaches_the_unique_minimiser(make: Make, case: Case) -> None:
    solver = make(4000, 1 / case.steepest, TOLERANCE)
    solution = solver.solve(case.objective, case.centre, case.lam)
    assert (solution.status == Status.CONVERGED).all()
    error = (solution.value - exact(case)).norm(dim=-1)
    assert (error <= TOLERANCE / case.weakest()).all()


@every_solver
@pytest.mark.parametrize("lam", [1e5, 1e5 * LAYERS], ids=["one λ", "a λ for each layer"])
def test_a_strong_proximal_term_holds_the_centre(make: Make, lam: float | Tensor) -> None:
    """λ(c − φ*) → ∇L(c) as λ → ∞."""
    case = CONVEX["logistic"]
    rate = 1 / float(torch.as_tensor(lam).max())
    solution = make(2000, rate, 1e-6).solve(case.objective, case.centre, lam)
    _, slope = case.objective.value_and_gradient(case.centre)
    assert torch.allclose(lam * (case.centre - solution.value), slope, rtol=1e-4, atol=1e-5)


@every_solver
@pytest.mark.parametrize("lam", [0.0, 1e-9])
def test_without_a_proximal_term_the_loss_itself_is_minimised(make: Make, lam: float) -> None:
    case = CONVEX["logistic"]
    unregularised = Case(case.objective, case.centre, 0.0, case.steepest)
    solution = make(8000, 1.0, TOLERANCE).solve(case.objective, case.centre, lam)
    assert (solution.status == Status.CONVERGED).all()
    assert torch.allclose(solution.value, newton(unregularised), atol=1e-6, rtol=0)


@pytest.mark.parametrize("make", LINE_SEARCHED.values(), ids=LINE_SEARCHED)
@pytest.mark.parametrize("case", WELLS.values(), ids=WELLS)
def test_negative_curvature_is_left_downhill_for_a_minimum(make: Make, case: Case) -> None:
    solutions = [
        make(steps, math.nan, 0.0).solve(case.objective, case.centre, case.lam) for steps in range(12)
    ]
    falls = torch.stack([case.value(solution.value) for solution in solutions]).diff(dim=0)
    assert (falls[:3] < 0).all()
    assert (falls <= 1e-15).all()
    solution = make(60, math.nan, TOLERANCE).solve(case.objective, case.centre, case.lam)
    assert (solution.status == Status.CONVERGED).all()
    assert (3 * solution.value**2 - 1 + case.lam > 0).all()
