"""What solvers return: the value, how it ended, and residuals."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class InnerSolution:
    """Where an inner solver ended. The leading dimensions are those of the problems solved."""

    value: Tensor
    """φ [..., size]."""
    status: Tensor
    """A `Status` code for each problem [...]."""
    steps: Tensor
    """Steps taken by each problem [...]."""
    residual: Tensor
    """‖∇L(φ) + λ(φ − c)‖₂ at the returned φ [...]."""
    losses: Tensor
    """L before each step and at the returned φ [steps + 1, ...]."""
    residuals: Tensor
    """Residual norms at the same points [steps + 1, ...]."""


@dataclass(frozen=True)
class LinearSolution:
    """Where a linear solver ended. The leading dimensions are those of the systems solved."""

    value: Tensor
    """x [..., size]."""
    status: Tensor
    """A `Status` code for each system [...]."""
    residual: Tensor
    """‖b − A x‖₂ / ‖b‖₂ at the returned x [...]; 1 where no product was made."""
