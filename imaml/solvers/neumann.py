"""The truncated Neumann series of (S + C) x = b: the cheap alternative to conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.solution import LinearSolution
from imaml.solvers.status import Status
from imaml.solvers.vectors import dot


@dataclass(frozen=True)
class Neumann:
    """x ← x + rate · S⁻¹(b − (S + C)x) from x = 0, for at most `steps` products with C.

    With rate 1, n steps give the series' first n terms, Σ (−S⁻¹C)ᵏ S⁻¹b for k < n; it converges where
    S⁻¹C has no eigenvalue of 1 or more in magnitude, and a lower rate where it lies above −1 and below
    2/rate − 1. The residual of a converging series falls with every step, so a system whose residual has
    grown stops with the iterate before (at the first step, and with no steps, S⁻¹b).
    """

    steps: int
    rate: float = 1.0
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.rate > 0, "rate", self.rate, "above 0")
        require(self.tolerance > 0, "tolerance", self.tolerance, "above 0")

    def solve(
        self, curvature: Callable[[Tensor], Tensor], b: Tensor, shift: Tensor | float = 1.0
    ) -> LinearSolution:
        """Solve (shift + curvature) x = b for vectors b [..., size].

        The shift is one number, or one for each coordinate [size], above 0; `curvature` takes p to C p.
        """
        shift = torch.as_tensor(shift, dtype=b.dtype, device=b.device)
        size = dot(b, b).sqrt()
        x = term = b / shift
        residual, squared = b, dot(b, term)
        status = torch.where(size > 0, Status.STEP_LIMIT, Status.CONVERGED)
        status = torch.where(size.isfinite(), status, Status.NON_FINITE)
        for step in range(self.steps):
            image = shift * term + curvature(term)
            left = residual - self.rate * image
            following = dot(left, left / shift)
            running = status == Status.STEP_LIMIT
            grown = running & (following > squared)
            broken = running & ~following.isfinite()
            status = torch.where(grown, Status.DIVERGED, status)
            status = torch.where(broken, Status.NON_FINITE, status)
            active = running & ~grown & ~broken
            if step == 0:
                x = torch.where(active[..., None], self.rate * term, term)
                residual = torch.where(active[..., None], left, b - image)
            else:
                x = torch.where(active[..., None], x + self.rate * term, x)
                residual = torch.where(active[..., None], left, residual)
            term, squared = residual / shift, following
            reached = dot(residual, residual).sqrt() <= self.tolerance * size
            status = torch.where(active & reached, Status.CONVERGED, status)
            if not (status == Status.STEP_LIMIT).any():
                break
        relative = dot(residual, residual).sqrt() / size.clamp_min(torch.finfo(b.dtype).tiny)
        return LinearSolution(x, status, relative)
