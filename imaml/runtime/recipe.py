"""How a support set is adapted to: part of the model, stored with θ."""

from dataclasses import dataclass
from math import isfinite

SOLVERS = ("gradient_descent",)


class RecipeError(ValueError):
    """A recipe with a value that cannot work; the message is a sentence for the caller."""


@dataclass(frozen=True)
class Recipe:
    """Solver, its limits and λ. `tolerance` 0 never stops early."""

    solver: str
    max_steps: int
    inner_lr: float
    lam: float
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise RecipeError(f"solver is {self.solver!r}; it must be one of {', '.join(SOLVERS)}.")
        if self.max_steps < 0:
            raise RecipeError(f"max_steps is {self.max_steps}; it must be 0 or more.")
        if not (isfinite(self.inner_lr) and self.inner_lr > 0):
            raise RecipeError(f"inner_lr is {self.inner_lr}; it must be a number above 0.")
        if not (isfinite(self.lam) and self.lam > 0):
            raise RecipeError(f"lam is {self.lam}; it must be a number above 0.")
        if not (isfinite(self.tolerance) and self.tolerance >= 0):
            raise RecipeError(f"tolerance is {self.tolerance}; it must be 0 or a number above 0.")
