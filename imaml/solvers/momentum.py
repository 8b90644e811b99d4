"""Proximal gradient descent with momentum: the heavy ball (Polyak 1964)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.descent import minimise
from imaml.solvers.objective import Objective
from imaml.solvers.proximal import Point, Proximal
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class Momentum:
    """u ← μu − η∇F(φ), φ ← φ + u from φ = c, u = 0, for at most `steps` steps; μ is `momentum`.

    A problem whose residual is at most `tolerance` stops there; 0 never stops early.
    """

    steps: int
    learning_rate: float
    momentum: float = 0.9
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "0 or more and below 1")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "0 or more")

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        velocity = torch.zeros_like(centre)

        def direction(point: Point) -> Tensor:
            nonlocal velocity
            velocity = self.momentum * velocity - self.learning_rate * point.gradient
            return velocity

        return minimise(Proximal(objective, centre, lam), self.steps, self.tolerance, direction)
