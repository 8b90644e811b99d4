"""Accelerated proximal gradient descent (Nesterov 1983; Beck & Teboulle 2009) with restarts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.descent import minimise
from imaml.solvers.objective import Objective
from imaml.solvers.proximal import Point, Proximal
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class Accelerated:
    """x' = φ − η∇F(φ), φ ← x' + k/(k + 3) · (x' − x) from φ = x = c, k = 0, for at most `steps` steps.

    Where the last step x' − x leads uphill, k starts again at 0 (O'Donoghue & Candès 2015, the gradient
    scheme), so that no constant of strong convexity need be known. Gradients are taken, and the solution is
    returned, at φ. A problem whose residual is at most `tolerance` stops there; 0 never stops early.
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
        before = centre
        count = torch.zeros_like(centre[..., :1])

        def direction(point: Point) -> Tensor:
            nonlocal before, count
            following = point.phi - self.learning_rate * point.gradient
            last = following - before
            uphill = (point.gradient * last).sum(-1, keepdim=True) > 0
            count = torch.where(uphill, 0, count)
            step = following + count / (count + 3) * last - point.phi
            before, count = following, count + 1
            return step

        return minimise(Proximal(objective, centre, lam), self.steps, self.tolerance, direction)
