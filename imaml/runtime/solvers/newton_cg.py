"""Newton-CG on the proximal objective: the paper's Hessian-free variant (Martens 2010)."""

from collections.abc import Callable

import numpy as np

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Direction, Objective, Point
from imaml.runtime.recipe import Recipe

TOLERANCE = 1e-6
"""Of conjugate gradients, in shares of the gradient's norm."""


def directions(objective: Objective, recipe: Recipe) -> Direction:
    """Against the gradient, by the inverse of the curvature as far as the CG steps go."""
    return Newton(objective, recipe.cg_steps)


class Newton:
    """The direction from each point, and whether the last solve met negative curvature."""

    def __init__(self, objective: Objective, steps: int) -> None:
        self._objective = objective
        self._steps = steps
        self.met_negative_curvature = False

    def __call__(self, point: Point) -> Array:
        """The step from a point."""
        product = self._objective.curvature(point.phi)
        x, self.met_negative_curvature = _solve(product, -point.gradient, self._steps)
        return x


def _solve(product: Callable[[Array], Array], b: Array, steps: int) -> tuple[Array, bool]:
    """Solve product(x) = b by conjugate gradients; say too whether they met negative curvature.

    A direction along which the curvature is not positive ends it with the last x, at the first step b; either
    way x descends.
    """
    curved_down = False
    x, direction, residual = np.zeros_like(b), b, b.copy()
    squared = float(b @ b)
    target = TOLERANCE * squared**0.5
    for _ in range(steps):
        image = product(direction)
        curved = float(direction @ image)
        if not (np.isfinite(curved) and curved > 0):
            curved_down = bool(np.isfinite(curved))
            break
        x += squared / curved * direction
        residual -= squared / curved * image
        previous, squared = squared, float(residual @ residual)
        if squared**0.5 <= target:
            break
        direction = squared / previous * direction
        direction += residual
    return (x if x.any() else b), curved_down
