"""Linear solvers on (shift + curvature) x = b: right where the curvature is positive, and truthful."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.neumann import Neumann
from imaml.solvers.status import Status
from tests.solvers.problems import quadratics
from tests.solvers.registry import LINEAR

SIZE = 10
SHIFTS: dict[str, float | Tensor] = {
    "identity": 1.0,
    "one number": 1.7,
    "a number for each coordinate": torch.linspace(0.5, 2.5, SIZE, dtype=torch.float64),
}

Make = Callable[[int, float], ConjugateGradient | Neumann]

every_solver = pytest.mark.parametrize("make", LINEAR.values(), ids=LINEAR)
every_shift = pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS)


def system(tasks: int = 4) -> tuple[Tensor, Tensor]:
    """Positive definite curvatures [tasks, size, size], and right-hand sides [tasks, size]."""
    task = quadratics(tasks, SIZE)
    return task.A / 3, task.b


def product(matrix: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda p: (matrix @ p[..., None])[..., 0]


def whole(matrix: Tensor, shift: float | Tensor) -> Tensor:
    return matrix + torch.as_tensor(shift, dtype=matrix.dtype).expand(matrix.shape[-1]).diag()


@every_solver
@every_shift
def test_definite_systems_are_solved(make: Make, shift: float | Tensor) -> None:
    curvature, b = system()
    solution = make(200, 1e-12).solve(product(curvature), b, shift)
    expected = torch.linalg.solve(whole(curvature, shift), b)
    assert torch.allclose(solution.value, expected, atol=1e-10, rtol=0)
    assert (solution.status == Status.CONVERGED).all()
    assert (solution.residual <= 1e-12).all()


@every_solver
def test_the_shift_is_the_identity_if_none_is_named(make: Make) -> None:
    curvature, b = system()
    named, plain = (make(3, 1e-6).solve(product(curvature), b, *shift) for shift in ((1.0,), ()))
    assert torch.equal(named.value, plain.value)


@every_solver
@every_shift
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_residual_is_that_of_the_returned_value(make: Make, shift: float | Tensor, steps: int) -> None:
    curvature, b = system()
    solution = make(steps, 1e-6).solve(product(curvature), b, shift)
    residual = b - product(whole(curvature, shift))(solution.value)
    assert torch.allclose(solution.residual, residual.norm(dim=-1) / b.norm(dim=-1), rtol=1e-10, atol=0)
    assert (solution.status == Status.STEP_LIMIT).all()


@every_solver
@every_shift
def test_no_step_is_the_first_order_gradient_and_costs_no_product(make: Make, shift: float | Tensor) -> None:
    _, b = system()

    def forbidden(p: Tensor) -> Tensor:
        raise AssertionError("no product was asked for")

    solution = make(0, 1e-6).solve(forbidden, b, shift)
    assert torch.equal(solution.value, b / shift)
    assert (solution.status == Status.STEP_LIMIT).all()
    assert (solution.residual == 1).all()


@every_solver
@every_shift
def test_a_batch_is_solved_as_each_system_alone(make: Make, shift: float | Tensor) -> None:
    curvature, b = system()
    b = b * torch.tensor([[1.0], [1e-3], [10.0], [1e5]])
    for steps in (4, 12):
        together = make(steps, 1e-3).solve(product(curvature), b, shift)
        for task in range(len(b)):
            alone = make(steps, 1e-3).solve(product(curvature[task]), b[task], shift)
            assert torch.allclose(together.value[task], alone.value, atol=0, rtol=1e-9)
            assert torch.allclose(together.residual[task], alone.residual, rtol=1e-9)
            assert together.status[task] == alone.status


@every_solver
def test_zero_has_the_solution_zero(make: Make) -> None:
    curvature, b = system(tasks=2)
    b[1] = 0
    solution = make(3, 1e-6).solve(product(curvature), b)
    assert solution.status.tolist() == [Status.STEP_LIMIT, Status.CONVERGED]
    assert torch.equal(solution.value[1], b[1])
    assert solution.residual[1] == 0


@every_solver
def test_a_right_hand_side_that_is_not_finite_is_said_to_be_so(make: Make) -> None:
    curvature, b = system(tasks=2)
    sound = make(3, 1e-6).solve(product(curvature), b)
    spoiled = b.clone()
    spoiled[0, 0] = torch.nan
    solution = make(3, 1e-6).solve(product(curvature), spoiled)
    assert solution.status.tolist() == [Status.NON_FINITE, Status.STEP_LIMIT]
    assert torch.equal(solution.value[1], sound.value[1])


@every_solver
def test_a_product_that_is_not_finite_leaves_the_last_iterate(make: Make) -> None:
    curvature, b = system(tasks=2)
    calls: list[Tensor] = []

    def breaking(p: Tensor) -> Tensor:
        calls.append(p)
        image = product(curvature)(p)
        return image * torch.tensor([[torch.nan], [1.0]]) if len(calls) == 3 else image

    solution = make(5, 1e-9).solve(breaking, b)
    assert solution.status.tolist() == [Status.NON_FINITE, Status.STEP_LIMIT]
    before, sound = (make(steps, 1e-9).solve(product(curvature), b) for steps in (2, 5))
    assert torch.equal(solution.value[0], before.value[0])
    assert torch.equal(solution.residual[0], before.residual[0])
    assert torch.equal(solution.value[1], sound.value[1])
