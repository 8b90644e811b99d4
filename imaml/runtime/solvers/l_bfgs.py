"""L-BFGS on the proximal objective (Nocedal & Wright 2006, algorithm 7.4)."""

from collections import deque

import numpy as np

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Direction, Objective, Point
from imaml.runtime.recipe import Recipe

EPSILON = float(np.finfo(np.float32).eps)


def directions(objective: Objective, recipe: Recipe) -> Direction:
    """Against the gradient, by an approximate inverse of the curvature made from the last steps."""
    memory = _Memory(recipe.memory)

    def direction(point: Point) -> Array:
        memory.learn(point)
        return -memory.apply(point.gradient)

    return direction


class _Memory:
    """The last steps s and the changes of the gradient y over them, where sᵀy is positive."""

    def __init__(self, length: int) -> None:
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=length)
        self._previous: Point | None = None
        self._scale = 1.0

    def learn(self, point: Point) -> None:
        if self._previous is None:
            # Nothing is known of the curvature yet: the first trial step is at most 1 long.
            self._scale = 1 / max(point.residual, 1)
        else:
            s, y = point.phi - self._previous.phi, point.gradient - self._previous.gradient
            curvature, square = float(s @ y), float(y @ y)
            positive = curvature > EPSILON * (float(s @ s) * square) ** 0.5
            self._pairs.append((s, y, 1 / curvature if positive else 0.0))
            if positive:
                self._scale = curvature / square
        self._previous = point

    def apply(self, gradient: Array) -> Array:
        image = gradient.copy()
        shares: list[float] = []
        for s, y, weight in reversed(self._pairs):
            shares.append(weight * float(s @ image))
            image -= shares[-1] * y
        image *= self._scale
        for (s, y, weight), share in zip(self._pairs, reversed(shares), strict=True):
            image += (share - weight * float(y @ image)) * s
        return image
