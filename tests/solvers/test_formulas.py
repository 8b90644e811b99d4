"""Inner solvers take the steps of their formulas, line searches those that they promise."""

import pytest
import torch
from torch import Tensor

from imaml.solvers.accelerated import Accelerated
from imaml.solvers.adam import Adam
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.l_bfgs import LBFGS
from imaml.solvers.line_search import SUFFICIENT, backtrack
from imaml.solvers.momentum import Momentum
from imaml.solvers.newton_cg import NewtonCG
from imaml.solvers.objective import InnerSolver
from imaml.solvers.proximal import Proximal
from imaml.solvers.status import Status
from tests.solvers.problems import CONVEX, Case, Smooth

SCALED = {
    "gradient_descent": (GradientDescent(9, 0.2), torch.optim.SGD, {"lr": 0.2}),
    "momentum": (Momentum(9, 0.1, 0.8), torch.optim.SGD, {"lr": 0.1, "momentum": 0.8}),
    "adam": (Adam(9, 0.05), torch.optim.Adam, {"lr": 0.05}),
    "adam, other means": (
        Adam(9, 0.05, beta1=0.5, beta2=0.9, epsilon=1e-2),
        torch.optim.Adam,
        {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-2},
    ),
}


@pytest.mark.parametrize(("solver", "peer", "options"), SCALED.values(), ids=SCALED)
@pytest.mark.parametrize("case", CONVEX.values(), ids=CONVEX)
def test_first_order_steps_are_those_of_torchs_optimisers(
    solver: InnerSolver, peer: type[torch.optim.Optimizer], options: dict[str, float], case: Case
) -> None:
    phi = case.centre.clone().requires_grad_()
    optimiser = peer([phi], **options)
    for _ in range(9):
        phi.grad = case.gradient(phi.detach())
        optimiser.step()
    solution = solver.solve(case.objective, case.centre, case.lam)
    assert torch.allclose(solution.value, phi.detach(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("case", CONVEX.values(), ids=CONVEX)
@pytest.mark.parametrize("rate", [0.02, 0.15])
def test_accelerated_steps_are_nesterovs_with_a_restart_where_the_last_one_was_uphill(
    case: Case, rate: float
) -> None:
    """Each problem restarts on its own, at the greater rate within these steps."""
    expected, restarts = [], 0
    for task in range(len(case.centre)):
        alone = case.alone(task)
        phi = x = alone.centre
        k = 0
        for _ in range(25):
            slope = alone.gradient(phi)
            following = phi - rate * slope
            if slope @ (following - x) > 0:
                k, restarts = 0, restarts + 1
            phi, x, k = following + k / (k + 3) * (following - x), following, k + 1
        expected.append(phi)
    solution = Accelerated(25, rate).solve(case.objective, case.centre, case.lam)
    assert torch.allclose(solution.value, torch.stack(expected), atol=1e-12, rtol=0)
    assert rate < 0.1 or restarts


def test_acceleration_needs_far_fewer_steps_where_the_curvature_differs_much() -> None:
    """About the root of the steps of gradient descent, which needs the condition number's, here 100."""
    scales = torch.logspace(-2, 0, 8, dtype=torch.float64)
    valley = Smooth(lambda phi: (scales * phi * phi).sum(-1) / 2)
    centre = torch.ones(1, 8, dtype=torch.float64)
    slow, fast = (
        solver(5_000, 1.0, 1e-6).solve(valley, centre, 0.0) for solver in (GradientDescent, Accelerated)
    )
    assert (fast.status == Status.CONVERGED).all()
    assert (5 * fast.steps < slow.steps).all()


def test_a_newton_step_solves_a_quadratic() -> None:
    case = CONVEX["quadratic"]
    solution = NewtonCG(1, cg_steps=8).solve(case.objective, case.centre, case.lam)
    assert (solution.residual < 1e-9).all()


def test_more_cg_steps_make_a_newton_step_better() -> None:
    case = CONVEX["quadratic"]
    values = [
        case.value(NewtonCG(1, cg_steps).solve(case.objective, case.centre, case.lam).value)
        for cg_steps in (1, 2, 4)
    ]
    assert (torch.stack(values).diff(dim=0) < 0).all()


def test_newton_cg_goes_on_where_only_the_loss_is_indefinite() -> None:
    """H + λ is positive definite there, and the exact step reaches the minimum of F at once."""
    objective = Smooth(lambda phi: (torch.tensor([-0.5, 2.0]) * phi * phi + phi).sum(-1) / 2)
    centre = torch.zeros(1, 2, dtype=torch.float64)
    assert (NewtonCG(1, cg_steps=3).solve(objective, centre, 1.0).residual < 1e-12).all()


def test_l_bfgs_remembers_as_many_steps_as_it_is_told() -> None:
    """The directions of a longer memory differ from the first step that only it remembers."""
    case = CONVEX["logistic"]
    short, long = (
        [LBFGS(steps, memory).solve(case.objective, case.centre, case.lam).value for steps in range(6)]
        for memory in (2, 3)
    )
    assert all(torch.equal(a, b) for a, b in zip(short[:4], long[:4], strict=True))
    assert not torch.equal(short[4], long[4])


def test_the_first_step_of_l_bfgs_which_knows_no_curvature_is_at_most_one_long() -> None:
    centre = torch.tensor([[30.0, -40.0], [0.3, -0.4]], dtype=torch.float64)
    bowl = Smooth(lambda phi: (phi * phi).sum(-1) / 2)
    steps = LBFGS(1).solve(bowl, centre, 0.0).value - centre
    expected = torch.tensor([[-0.6, 0.8], [-0.3, 0.4]], dtype=torch.float64)
    assert torch.allclose(steps, expected, atol=1e-12)


def test_l_bfgs_takes_the_secant_of_its_last_step_for_the_curvature() -> None:
    """In one dimension B is (φ₁ − φ₀)/(∇F(φ₁) − ∇F(φ₀)): the secant method."""
    objective = Smooth(lambda phi: (phi.cosh() + 0.3 * phi).sum(-1))
    points = [torch.full((1, 1), 0.8, dtype=torch.float64)]
    centre, lam = points[0], 0.1
    points += [LBFGS(steps).solve(objective, centre, lam).value for steps in (1, 2, 3)]
    slopes = [phi.sinh() + 0.3 + lam * (phi - centre) for phi in points]
    for step in (1, 2):
        secant = (points[step] - points[step - 1]) / (slopes[step] - slopes[step - 1])
        assert torch.allclose(points[step + 1], points[step] - secant * slopes[step], atol=1e-12)


def test_an_l_bfgs_step_is_that_of_bfgs_on_the_pairs_it_remembers() -> None:
    """B ← (I − ρsyᵀ) B (I − ρysᵀ) + ρssᵀ with ρ = 1/sᵀy, from B = (sᵀy/yᵀy) I of the last pair."""
    case = CONVEX["logistic"].alone(0)
    memory = 2
    points = [LBFGS(steps, memory).solve(case.objective, case.centre, case.lam).value for steps in range(6)]
    slopes = [case.gradient(phi) for phi in points]
    identity = torch.eye(len(case.centre), dtype=torch.float64)
    for step in (2, 3, 4):
        pairs = [(points[k + 1] - points[k], slopes[k + 1] - slopes[k]) for k in range(step - memory, step)]
        inverse = identity * (pairs[-1][0] @ pairs[-1][1]) / (pairs[-1][1] @ pairs[-1][1])
        for s, y in pairs:
            rest = identity - torch.outer(s, y) / (s @ y)
            inverse = rest @ inverse @ rest.mT + torch.outer(s, s) / (s @ y)
        assert torch.allclose(points[step + 1] - points[step], -inverse @ slopes[step], atol=1e-12)


def hyperbola(phi: Tensor) -> Tensor:
    """Newton's method, φ ← −φ³, leaves every start beyond 1 for infinity."""
    return (1 + phi * phi).sqrt().sum(-1)


@pytest.mark.parametrize("solver", [NewtonCG(40, tolerance=1e-10), LBFGS(40, tolerance=1e-10)])
def test_steps_that_overshoot_are_shortened(solver: InnerSolver) -> None:
    centre = torch.tensor([[0.5], [-3.0], [20.0]], dtype=torch.float64)
    solution = solver.solve(Smooth(hyperbola), centre, 0.0)
    assert (solution.status == Status.CONVERGED).all()
    assert torch.allclose(solution.value, torch.zeros_like(centre), atol=1e-9)


def test_each_problem_finds_its_own_step_the_first_that_lowers_f_enough() -> None:
    start = torch.tensor([[0.5], [-3.0], [5.0], [5.0]], dtype=torch.float64)
    proximal = Proximal(Smooth(hyperbola), torch.zeros_like(start), 0.01)
    newton = -(start + start**3)
    searching = torch.tensor([True, True, True, False])
    point = proximal.at(start)
    best, found = backtrack(proximal, point, newton, searching)
    assert torch.equal(found, searching)
    assert torch.equal(best.phi[3], start[3])

    def sufficient(length: Tensor) -> Tensor:
        reached = proximal.value(proximal.at(start + length[:, None] * newton))
        return reached <= proximal.value(point) + SUFFICIENT * length * (point.gradient * newton)[:, 0]

    length = ((best.phi - start) / newton)[:, 0]
    halvings = -length[:3].log2()
    assert torch.allclose(halvings, halvings.round(), atol=1e-9)
    assert halvings.round().tolist() == sorted(set(halvings.round().tolist()))
    assert sufficient(length)[:3].all()
    assert length[0] == 1
    assert not sufficient(2 * length)[1:3].any()


def test_a_direction_that_climbs_is_no_step() -> None:
    proximal = Proximal(Smooth(hyperbola), torch.zeros(1, 1, dtype=torch.float64), 0.0)
    point = proximal.at(torch.ones(1, 1, dtype=torch.float64))
    best, found = backtrack(proximal, point, -3 * point.gradient, torch.ones(1, dtype=torch.bool))
    assert found.all()
    best, found = backtrack(proximal, point, point.gradient, torch.ones(1, dtype=torch.bool))
    assert not found.any()
    assert torch.equal(best.phi, point.phi)


def test_a_step_that_lowers_f_enough_may_end_on_a_steep_slope() -> None:
    wall = Smooth(lambda phi: ((20 * (phi - 1)).exp() - phi).sum(-1))
    start = torch.zeros(1, 1, dtype=torch.float64)
    proximal = Proximal(wall, start, 0.0)
    best, _ = backtrack(proximal, proximal.at(start), start + 0.95, torch.ones(1, dtype=torch.bool))
    assert best.phi == 0.95


@pytest.mark.parametrize(("height", "start"), [(0.0, 1.0), (1e6, 1e-6)])
def test_a_step_across_a_bowl_is_shortened_even_where_f_cannot_show_it(height: float, start: float) -> None:
    """All but the whole way to the other side: lower, but not by enough, or by less than F's rounding."""
    bowl = Smooth(lambda phi: (phi * phi).sum(-1) / 2 + height)
    phi = torch.full((1, 1), start, dtype=torch.float64)
    proximal = Proximal(bowl, phi, 0.0)
    best, _ = backtrack(proximal, proximal.at(phi), -1.99999 * phi, torch.ones(1, dtype=torch.bool))
    assert torch.allclose(best.phi, 5e-6 * phi, rtol=1e-6, atol=0)
