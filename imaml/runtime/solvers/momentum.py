"""Proximal gradient descent with momentum."""

import numpy as np

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Direction, Objective, Point
from imaml.runtime.recipe import Recipe


def directions(objective: Objective, recipe: Recipe) -> Direction:
    """Polyak's heavy ball: v ← μv − η∇ from v = 0."""
    velocity = np.zeros_like(objective.centre)

    def direction(point: Point) -> Array:
        nonlocal velocity
        velocity *= recipe.momentum
        velocity -= recipe.inner_lr * point.gradient
        return velocity

    return direction
