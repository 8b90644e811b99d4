"""How a support set is adapted to: part of the model, stored with θ."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

SOLVERS = ("gradient_descent", "accelerated", "momentum", "adam", "newton_cg", "l_bfgs")


class RecipeError(ValueError):
    """A recipe with a value that cannot work; the message is a sentence for the caller."""


@dataclass(frozen=True)
class Recipe:
    """Solver, its limits and λ; settings of other solvers are left as they are.

    `tolerance` 0 never stops early, `lam` 0 is plain descent. `lam_scales` has a factor of λ for each part of
    θ in the order of the model's layout; none is 1 everywhere.
    """

    solver: str
    max_steps: int
    inner_lr: float
    lam: float
    tolerance: float = 0.0
    momentum: float = 0.9
    cg_steps: int = 10
    memory: int = 10
    lam_scales: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam_scales", tuple(self.lam_scales))  # a list, where it comes from JSON
        if self.solver not in SOLVERS:
            raise RecipeError(f"solver is {self.solver!r}; it must be one of {', '.join(SOLVERS)}.")
        if self.max_steps < 0:
            raise RecipeError(f"max_steps is {self.max_steps}; it must be 0 or more.")
        if not (isfinite(self.inner_lr) and self.inner_lr > 0):
            raise RecipeError(f"inner_lr is {self.inner_lr}; it must be a number above 0.")
        for name in ("lam", "tolerance"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise RecipeError(f"{name} is {value}; it must be 0 or a number above 0.")
        if not 0 <= self.momentum < 1:
            raise RecipeError(f"momentum is {self.momentum}; it must be 0 or more and below 1.")
        for name in ("cg_steps", "memory"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} is {getattr(self, name)}; it must be 1 or more.")
        for factor in self.lam_scales:
            if not (isfinite(factor) and factor > 0):
                raise RecipeError(f"lam_scales has {factor}; each must be a number above 0.")

    def strengths(self, sizes: Sequence[int], length: int) -> float | NDArray[np.float32]:
        """λ of each coordinate of a φ of this length, or one λ where it is the same for all.

        `sizes` are those of the parts of θ; the last part, the head, has the rest of φ.
        """
        if not self.lam_scales:
            return self.lam
        *network, _ = sizes
        strengths = self.lam * np.array(self.lam_scales)
        return np.repeat(strengths, [*network, length - sum(network)]).astype(np.float32)
