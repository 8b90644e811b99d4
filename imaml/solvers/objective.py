"""What an inner solver minimises, and the interface that all inner solvers share."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from imaml.solvers.solution import InnerSolution


class Objective(Protocol):
    """L for a batch of problems: points [..., size], values [...]. The proximal term is the solver's."""

    def value_and_gradient(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """L [...] and ∇L [..., size] at a point."""
        ...

    def curvature(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        """The product with L's curvature at a point: what takes p [..., size] to H p."""
        ...


class InnerSolver(Protocol):
    """Minimises L(φ) + ½ Σ λ_j (φ_j − c_j)² from φ = c."""

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        ...
