"""What an inner solution says of itself is true, for each problem of a batch as for one alone."""

import math

import pytest
import torch
from torch import Tensor

from imaml.solvers.solution import InnerSolution
from imaml.solvers.status import Status
from tests.solvers.problems import CONVEX, WELLS, Case, Smooth
from tests.solvers.registry import FIRST_ORDER, INNER, LINE_SEARCHED, Make

CASES = CONVEX | WELLS

every_solver = pytest.mark.parametrize("make", INNER.values(), ids=INNER)
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def solve(make: Make, case: Case, steps: int, tolerance: float = 0.0) -> InnerSolution:
    return make(steps, 1 / case.steepest, tolerance).solve(case.objective, case.centre, case.lam)


@every_solver
@every_case
def test_losses_residuals_and_steps_are_those_of_the_returned_point(make: Make, case: Case) -> None:
    solution = solve(make, case, 4)
    loss, _ = case.objective.value_and_gradient(solution.value)
    assert torch.allclose(solution.residual, case.gradient(solution.value).norm(dim=-1), rtol=1e-9)
    assert torch.equal(solution.residuals[-1], solution.residual)
    assert torch.allclose(solution.losses[-1], loss)
    assert solution.losses.shape == solution.residuals.shape == (5, len(case.centre))
    assert (solution.steps == 4).all()
    assert (solution.status == Status.STEP_LIMIT).all()


@every_solver
@every_case
def test_the_records_are_those_of_shorter_runs(make: Make, case: Case) -> None:
    solution = solve(make, case, 3)
    for steps in range(3):
        shorter = solve(make, case, steps)
        assert torch.allclose(solution.losses[steps], shorter.losses[-1], atol=1e-14)
        assert torch.allclose(solution.residuals[steps], shorter.residual, atol=1e-14)


@every_solver
@every_case
def test_each_problem_of_a_batch_goes_as_it_would_alone(make: Make, case: Case) -> None:
    for steps, tolerance in ((5, 0.0), (60, 3e-2)):
        together = solve(make, case, steps, tolerance)
        for task in range(len(case.centre)):
            alone = solve(make, case.alone(task), steps, tolerance)
            assert torch.allclose(together.value[task], alone.value, atol=1e-12, rtol=0)
            assert together.steps[task] == alone.steps
            assert together.status[task] == alone.status
            assert torch.allclose(together.residual[task], alone.residual, atol=1e-12)


@every_solver
def test_each_problem_stops_where_its_residual_reaches_the_tolerance(make: Make) -> None:
    case = CONVEX["quadratic"]
    matrix, linear = case.objective.data
    centre = case.centre.clone()
    centre[1] = torch.linalg.solve(matrix[1], linear[1])  # where it stays, whatever λ
    begun_there = Case(case.objective, centre, case.lam, case.steepest)
    solution = solve(make, begun_there, 2000, 1e-4)
    assert (solution.status == Status.CONVERGED).all()
    assert solution.steps[1] == 0
    assert torch.equal(solution.value[1], centre[1])
    for task in (0, 2):
        steps = int(solution.steps[task])
        assert (solution.residuals[:steps, task] > 1e-4).all()
        assert (solution.residuals[steps:, task] <= 1e-4).all()
    assert len(solution.losses) == int(solution.steps.max()) + 1


@every_solver
def test_problems_that_end_differently_say_so(make: Make) -> None:
    case = CONVEX["quadratic"]
    sole = solve(make, case, 2000, 1e-3)
    limit = int(sole.steps.min())
    together = solve(make, case, limit, 1e-3)
    expected = torch.where(sole.steps <= limit, Status.CONVERGED, Status.STEP_LIMIT)
    assert torch.equal(together.status, expected)
    assert torch.equal(together.residual <= 1e-3, together.status == Status.CONVERGED)


@every_solver
@every_case
def test_no_step_returns_the_centre(make: Make, case: Case) -> None:
    solution = solve(make, case, 0)
    assert torch.equal(solution.value, case.centre)
    assert (solution.steps == 0).all()
    assert (solution.status == Status.STEP_LIMIT).all()


@every_solver
def test_a_tolerance_of_zero_never_stops_early(make: Make) -> None:
    """Not even at the exact minimum, so that a fixed number of steps is the same work for every task."""
    centre = torch.zeros(2, 3, dtype=torch.float64)
    bowl = Smooth(lambda phi: (phi * phi).sum(-1) / 2)
    solution = make(6, 0.1, 0.0).solve(bowl, centre, 1.0)
    assert (solution.steps == 6).all()
    assert (solution.status == Status.STEP_LIMIT).all()
    assert torch.equal(solution.value, centre)


@pytest.mark.parametrize("make", FIRST_ORDER.values(), ids=FIRST_ORDER)
@pytest.mark.parametrize("tolerance", [0.0, 1e-6])
def test_divergence_ends_at_the_first_point_that_is_not_finite(make: Make, tolerance: float) -> None:
    case = CONVEX["quadratic"]
    solution = make(50, 1e200, tolerance).solve(case.objective, case.centre, case.lam)
    assert (solution.status == Status.NON_FINITE).all()
    for task in range(3):
        steps = int(solution.steps[task])
        assert 0 < steps < 50
        assert solution.residuals[:steps, task].isfinite().all()
        assert not solution.residuals[steps:, task].isfinite().any()


@every_solver
@pytest.mark.parametrize("tolerance", [0.0, 1e-4])
def test_a_problem_that_is_not_finite_does_not_touch_its_neighbours(make: Make, tolerance: float) -> None:
    case = CONVEX["logistic"]
    centre = case.centre.clone()
    centre[1] = math.nan
    spoiled = solve(make, Case(case.objective, centre, case.lam, case.steepest), 20, tolerance)
    sound = solve(make, case, 20, tolerance)
    assert spoiled.status[1] == Status.NON_FINITE
    assert spoiled.steps[1] == 0
    for task in (0, 2):
        assert spoiled.status[task] == sound.status[task]
        assert torch.equal(spoiled.value[task], sound.value[task])


@pytest.mark.parametrize("make", LINE_SEARCHED.values(), ids=LINE_SEARCHED)
def test_a_line_search_that_finds_no_step_ends_its_problem_and_no_other(make: Make) -> None:
    evaluations = 0

    def cliff(phi: Tensor, edge: Tensor) -> Tensor:
        """Falls towards an edge, behind which there is nothing."""
        nonlocal evaluations
        evaluations += 1
        return torch.where(phi > edge[..., None], math.inf, phi.exp() - 3 * phi).sum(-1)

    edges = torch.tensor([0.0, 100.0], dtype=torch.float64)
    centre = torch.zeros(2, 1, dtype=torch.float64)
    solution = make(40, math.nan, 1e-9).solve(Smooth(cliff, (edges,)), centre, 0.5)
    assert solution.status.tolist() == [Status.LINE_SEARCH, Status.CONVERGED]
    assert solution.steps[0] == 0
    assert solution.steps[1] > 3
    assert torch.equal(solution.value[0], centre[0])
    assert evaluations < 31 + 5 * int(solution.steps[1])  # the search that failed is made once
    fallen = make(40, math.nan, 0.0).solve(Smooth(cliff, (edges[:1],)), centre[:1], 0.5)
    assert fallen.status == Status.LINE_SEARCH
    assert len(fallen.losses) == 1


@pytest.mark.parametrize("make", LINE_SEARCHED.values(), ids=LINE_SEARCHED)
def test_an_objective_without_a_minimum_is_left_at_a_point_that_is_finite(make: Make) -> None:
    centre = torch.zeros(1, 1, dtype=torch.float64)
    solution = make(3000, math.nan, 0.0).solve(Smooth(lambda phi: -phi.exp().sum(-1)), centre, 0.0)
    assert solution.status == Status.LINE_SEARCH
    assert solution.residual.isfinite()
    assert solution.losses.isfinite().all()


@pytest.mark.parametrize("make", LINE_SEARCHED.values(), ids=LINE_SEARCHED)
def test_the_rounding_of_a_large_loss_does_not_end_a_line_search(make: Make) -> None:
    """The last decreases of F, squares of the residual, are far below what F itself can show."""
    case = CONVEX["logistic"]
    raised = Smooth(lambda phi, *data: case.objective.loss(phi, *data) + 1e4, case.objective.data)
    solution = make(100, math.nan, 1e-9).solve(raised, case.centre, case.lam)
    assert (solution.status == Status.CONVERGED).all()


@every_solver
def test_single_precision_gives_single_precision(make: Make) -> None:
    case = CONVEX["logistic"]
    objective = Smooth(case.objective.loss, tuple(part.float() for part in case.objective.data))
    solution = make(300, 1 / case.steepest, 1e-5).solve(objective, case.centre.float(), case.lam)
    assert (solution.status == Status.CONVERGED).all()
    assert solution.value.dtype == solution.residual.dtype == torch.float32
    assert (case.gradient(solution.value.double()).norm(dim=-1) <= 2e-5).all()


def test_every_status_says_what_to_change() -> None:
    assert len({status.sentence for status in Status}) == len(Status)
    for status in Status:
        assert status.sentence.endswith(".")
