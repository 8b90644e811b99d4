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

    def direction(point: Point) -> Array:
        return _solve(objective.curvature(point.phi), -point.gradient, recipe.cg_steps)

    return direction


def _solve(product: Callable[[Array], Array], b: Array, steps: int) -> Array:
    """Solve product(x) = b by conjugate gradients.

    A direction along which the curvature is not positive ends it with the last x, at the first step b; either
    way x descends.
    """
    x, direction, residual = np.zeros_like(b), b, b.copy()
    squared = float(b @ b)
    target = TOLERANCE * squared**0.5
    for _ in range(steps):
        image = product(direction)
        curved = float(direction @ image)
        if not (np.isfinite(curved) and curved > 0):
            break
        x += squared / curved * direction
        residual -= squared / curved * image
        previous, squared = squared, float(residual @ residual)
        if squared**0.5 <= target:
            break
        direction = squared / previous * direction
        direction += residual
    return x if x.any() else b
