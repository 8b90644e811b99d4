"""Proximal gradient descent."""

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Direction, Objective, Point
from imaml.runtime.recipe import Recipe


def directions(objective: Objective, recipe: Recipe) -> Direction:
    """Against the gradient, by the rate."""

    def direction(point: Point) -> Array:
        return -recipe.inner_lr * point.gradient

    return direction
