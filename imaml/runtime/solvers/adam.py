"""Adam on the proximal objective (Kingma & Ba 2015)."""

import numpy as np

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Direction, Objective, Point
from imaml.runtime.recipe import Recipe

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def directions(objective: Objective, recipe: Recipe) -> Direction:
    """Against the running mean of the gradient, over the root of the running mean of its square."""
    mean, square = np.zeros_like(objective.centre), np.zeros_like(objective.centre)
    step = 0

    def direction(point: Point) -> Array:
        nonlocal mean, square, step
        step += 1
        mean *= BETA1
        mean += (1 - BETA1) * point.gradient
        square *= BETA2
        square += (1 - BETA2) * np.square(point.gradient)
        spread: Array = np.sqrt(square / (1 - BETA2**step))
        spread += EPSILON
        following = mean / spread
        following *= -recipe.inner_lr / (1 - BETA1**step)
        return following

    return direction
