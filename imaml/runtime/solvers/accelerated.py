"""Accelerated proximal gradient descent (Nesterov 1983; Beck & Teboulle 2009) with restarts."""

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Direction, Objective, Point
from imaml.runtime.recipe import Recipe


def directions(objective: Objective, recipe: Recipe) -> Direction:
    """From x to x' = φ − η∇F(φ), and on to φ ← x' + k/(k + 3) · (x' − x); k is 0 again where that is uphill.

    The restart is the gradient scheme of O'Donoghue & Candès (2015).
    """
    before, count = objective.centre, 0

    def direction(point: Point) -> Array:
        nonlocal before, count
        following = -recipe.inner_lr * point.gradient
        following += point.phi
        last = following - before
        if point.gradient @ last > 0:
            count = 0
        step = following - point.phi
        last *= count / (count + 3)
        step += last
        before, count = following, count + 1
        return step

    return direction
