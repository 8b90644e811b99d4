"""Newton-CG on the proximal objective: the paper's Hessian-free variant (Martens 2010)."""

from dataclasses import dataclass

from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.descent import minimise
from imaml.solvers.objective import Objective
from imaml.solvers.proximal import Point, Proximal
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class NewtonCG:
    """φ ← φ + tp from φ = c, for at most `steps` steps, where `cg_steps` of CG on ∇²F(φ) p = −∇F(φ) give p.

    CG stops at a direction along which ∇²F = H + Λ itself is not positive and leaves its last iterate, at its
    first step −∇F; either way p descends. t is 1, halved until F falls (Armijo). A problem whose residual is
    at most `tolerance` (0: never), or whose line search fails, stops there.
    """

    steps: int
    cg_steps: int = 10
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.cg_steps >= 1, "cg_steps", self.cg_steps, "1 or more")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "0 or more")

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        proximal = Proximal(objective, centre, lam)
        linear_solver = ConjugateGradient(self.cg_steps)

        def direction(point: Point) -> Tensor:
            return linear_solver.solve(proximal.curvature(point), -point.gradient, shift=0.0).value

        return minimise(proximal, self.steps, self.tolerance, direction, line_search=True)
