"""Conjugate gradients on A x = b for A = I + H/λ, stopped where the curvature is negative."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.solution import LinearSolution
from imaml.solvers.status import Status


@dataclass(frozen=True)
class ConjugateGradient:
    """Hestenes & Stiefel 1952, from x = 0, for at most `steps` products with A; no step leaves x = b.

    A is known to be I plus a curvature. If that curvature is positive semi-definite then pᵀAp ≥ pᵀp; a
    direction with pᵀAp < pᵀp is therefore one of negative curvature, met before A itself turns indefinite.
    The system stops there with its last iterate, at the first step with b: the first-order meta-gradient.
    """

    steps: int
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps is {self.steps}; it must be 0 or more")
        if not self.tolerance > 0:
            raise ValueError(f"tolerance is {self.tolerance}; it must be above 0")

    def solve(self, product: Callable[[Tensor], Tensor], b: Tensor) -> LinearSolution:
        """Solve `product(x)` = b for vectors b [..., size]."""
        x = residual = direction = b
        squared = _dot(b, b)
        target = self.tolerance * squared.sqrt()
        status = torch.where(squared > 0, Status.STEP_LIMIT, Status.CONVERGED)
        status = torch.where(squared.isfinite(), status, Status.NON_FINITE)
        rounding = 100 * torch.finfo(b.dtype).eps
        for step in range(self.steps):
            image = product(direction)
            curvature, length = _dot(direction, image), _dot(direction, direction)
            running = status == Status.STEP_LIMIT
            negative = running & (curvature < (1 - rounding) * length)
            broken = running & ~curvature.isfinite()
            status = torch.where(negative, Status.NEGATIVE_CURVATURE, status)
            status = torch.where(broken, Status.NON_FINITE, status)
            active = running & ~negative & ~broken
            rate = torch.where(active, squared / curvature, 0.0)[..., None]
            if step == 0:
                x = torch.where(active[..., None], rate * b, b)
                residual = torch.where(active[..., None], b - rate * image, b - image)
            else:
                x = torch.where(active[..., None], x + rate * direction, x)
                residual = torch.where(active[..., None], residual - rate * image, residual)
            previous, squared = squared, _dot(residual, residual)
            momentum = torch.where(active, squared / previous, 0.0)[..., None]
            direction = torch.where(active[..., None], residual + momentum * direction, direction)
            status = torch.where(active & (squared.sqrt() <= target), Status.CONVERGED, status)
            if not (status == Status.STEP_LIMIT).any():
                break
        scale = _dot(b, b).sqrt().clamp_min(torch.finfo(b.dtype).tiny)
        return LinearSolution(x, status, squared.sqrt() / scale)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)
