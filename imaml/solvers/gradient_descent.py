"""Proximal gradient descent on L(φ) + λ/2 ‖φ − c‖²."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.objective import Objective
from imaml.solvers.solution import InnerSolution
from imaml.solvers.status import Status


@dataclass(frozen=True)
class GradientDescent:
    """φ ← φ − η(∇L(φ) + λ(φ − c)) from φ = c, for at most `steps` steps.

    A problem whose residual is at most `tolerance` stops there; 0 never stops early.
    """

    steps: int
    learning_rate: float
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps is {self.steps}; it must be 0 or more")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be above 0")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance is {self.tolerance}; it must be 0 or more")

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        phi = centre
        active = torch.ones(centre.shape[:-1], dtype=torch.bool, device=centre.device)
        steps = torch.zeros_like(active, dtype=torch.int64)
        losses: list[Tensor] = []
        residuals: list[Tensor] = []
        for step in range(self.steps + 1):
            loss, gradient = objective.value_and_gradient(phi)
            gradient = gradient + lam * (phi - centre)
            residual = torch.linalg.vector_norm(gradient, dim=-1)
            losses.append(loss)
            residuals.append(residual)
            if self.tolerance:
                active = active & (residual > self.tolerance)
                if not active.any():
                    break
            if step < self.steps:
                phi = phi - self.learning_rate * active[..., None] * gradient
                steps = steps + active
        converged = (residuals[-1] <= self.tolerance) & (self.tolerance > 0)
        status = torch.where(converged, Status.CONVERGED, Status.STEP_LIMIT)
        status = torch.where(residuals[-1].isfinite(), status, Status.NON_FINITE)
        return InnerSolution(phi, status, steps, residuals[-1], torch.stack(losses), torch.stack(residuals))
