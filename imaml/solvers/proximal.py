"""The function that every inner solver minimises: F(φ) = L(φ) + ½ Σ λ_j (φ_j − c_j)²."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from imaml.solvers.objective import Objective


class Point(NamedTuple):
    """Where a batch of problems stands."""

    phi: Tensor
    """φ [..., size]."""
    loss: Tensor
    """L(φ) [...], without the proximal term."""
    gradient: Tensor
    """∇F(φ) [..., size]."""
    residual: Tensor
    """‖∇F(φ)‖₂ [...]."""


@dataclass(frozen=True)
class Proximal:
    """F for a batch of problems: centres [..., size], λ one number or one for each coordinate [size]."""

    objective: Objective
    centre: Tensor
    lam: float | Tensor

    def at(self, phi: Tensor) -> Point:
        """Evaluate L and ∇F at φ [..., size]."""
        loss, gradient = self.objective.value_and_gradient(phi)
        gradient = gradient + self.lam * (phi - self.centre)
        return Point(phi, loss, gradient, torch.linalg.vector_norm(gradient, dim=-1))

    def value(self, point: Point) -> Tensor:
        """F [...] at a point."""
        return point.loss + (self.lam * (point.phi - self.centre).square()).sum(-1) / 2

    def curvature(self, point: Point) -> Callable[[Tensor], Tensor]:
        """The product with ∇²F at a point: what takes p [..., size] to H p + λp."""
        product = self.objective.curvature(point.phi)
        return lambda vector: product(vector) + self.lam * vector


def choose(mask: Tensor, ours: Point, theirs: Point) -> Point:
    """`ours` for the problems in a mask [...], `theirs` for the others."""
    return Point(
        torch.where(mask[..., None], ours.phi, theirs.phi),
        torch.where(mask, ours.loss, theirs.loss),
        torch.where(mask[..., None], ours.gradient, theirs.gradient),
        torch.where(mask, ours.residual, theirs.residual),
    )
