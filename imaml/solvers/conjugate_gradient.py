"""Conjugate gradients on (S + C) x = b, a positive shift plus a curvature, stopped where C is negative."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.solution import LinearSolution
from imaml.solvers.status import Status
from imaml.solvers.vectors import dot


@dataclass(frozen=True)
class ConjugateGradient:
    """Hestenes & Stiefel 1952, preconditioned by S, from x = 0, for at most `steps` products with C.

    No step leaves x = S⁻¹b, which for S = I is the first-order meta-gradient. A system also stops at a
    direction of negative curvature, pᵀCp < 0 by more than rounding, with its last iterate (at the first
    step S⁻¹b). The textbook's rule, pᵀ(S + C)p ≤ 0, lets such a system go on until S + C itself is
    indefinite, and its last iterates then grow without bound; it is what a shift of 0 gives.
    """

    steps: int
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.tolerance > 0, "tolerance", self.tolerance, "above 0")

    def solve(
        self, curvature: Callable[[Tensor], Tensor], b: Tensor, shift: Tensor | float = 1.0
    ) -> LinearSolution:
        """Solve (shift + curvature) x = b for vectors b [..., size].

        The shift is one number, or one for each coordinate [size], 0 or more; `curvature` takes p to C p.
        Coordinates whose shift is 0 are preconditioned as if it were 1.
        """
        shift = torch.as_tensor(shift, dtype=b.dtype, device=b.device)
        scale = torch.where(shift > 0, shift, 1.0)
        rounding = 100 * torch.finfo(b.dtype).eps
        size = dot(b, b).sqrt()
        x = direction = b / scale
        residual, squared = b, dot(b, x)
        status = torch.where(size > 0, Status.STEP_LIMIT, Status.CONVERGED)
        status = torch.where(size.isfinite(), status, Status.NON_FINITE)
        for step in range(self.steps):
            bent = curvature(direction)
            image = shift * direction + bent
            curved, shifted = dot(direction, bent), dot(direction, shift * direction)
            running = status == Status.STEP_LIMIT
            negative = running & ((curved < -rounding * shifted) | (curved + shifted <= 0))
            broken = running & ~curved.isfinite()
            status = torch.where(negative, Status.NEGATIVE_CURVATURE, status)
            status = torch.where(broken, Status.NON_FINITE, status)
            active = running & ~negative & ~broken
            rate = torch.where(active, squared / (curved + shifted), 0.0)[..., None]
            if step == 0:
                x = torch.where(active[..., None], rate * direction, direction)
                residual = torch.where(active[..., None], b - rate * image, b - image)
            else:
                x = torch.where(active[..., None], x + rate * direction, x)
                residual = torch.where(active[..., None], residual - rate * image, residual)
            previous, squared = squared, dot(residual, residual / scale)
            momentum = torch.where(active, squared / previous, 0.0)[..., None]
            following = residual / scale + momentum * direction
            direction = torch.where(active[..., None], following, direction)
            reached = dot(residual, residual).sqrt() <= self.tolerance * size
            status = torch.where(active & reached, Status.CONVERGED, status)
            if not (status == Status.STEP_LIMIT).any():
                break
        relative = dot(residual, residual).sqrt() / size.clamp_min(torch.finfo(b.dtype).tiny)
        return LinearSolution(x, status, relative)
