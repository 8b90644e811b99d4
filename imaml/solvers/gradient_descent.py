"""Proximal gradient descent."""

from dataclasses import dataclass

from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.descent import minimise
from imaml.solvers.objective import Objective
from imaml.solvers.proximal import Proximal
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class GradientDescent:
    """φ ← φ − η∇F(φ) from φ = c, for at most `steps` steps.

    A problem whose residual is at most `tolerance` stops there; 0 never stops early.
    """

    steps: int
    learning_rate: float
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "0 or more")

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        proximal = Proximal(objective, centre, lam)
        return minimise(
            proximal, self.steps, self.tolerance, lambda point: -self.learning_rate * point.gradient
        )
