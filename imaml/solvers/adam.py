"""Adam on the proximal objective (Kingma & Ba 2015, algorithm 1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.descent import minimise
from imaml.solvers.objective import Objective
from imaml.solvers.proximal import Point, Proximal
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class Adam:
    """φ ← φ − η m̂ / (√v̂ + ε) from φ = c, for at most `steps` steps.

    m̂ and v̂ are the running means of ∇F and of its square, element by element, corrected for their start at 0.
    A problem whose residual is at most `tolerance` stops there; 0 never stops early.
    """

    steps: int
    learning_rate: float
    tolerance: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "0 or more")
        require(0 <= self.beta1 < 1, "beta1", self.beta1, "0 or more and below 1")
        require(0 <= self.beta2 < 1, "beta2", self.beta2, "0 or more and below 1")
        require(self.epsilon > 0, "epsilon", self.epsilon, "above 0")

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        mean = square = torch.zeros_like(centre)
        step = 0

        def direction(point: Point) -> Tensor:
            nonlocal mean, square, step
            step += 1
            mean = self.beta1 * mean + (1 - self.beta1) * point.gradient
            square = self.beta2 * square + (1 - self.beta2) * point.gradient.square()
            spread = (square / (1 - self.beta2**step)).sqrt() + self.epsilon
            return -self.learning_rate * mean / (1 - self.beta1**step) / spread

        return minimise(Proximal(objective, centre, lam), self.steps, self.tolerance, direction)
