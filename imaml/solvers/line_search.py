"""Armijo backtracking on F, for a batch of problems of which each finds its own step length."""

import torch
from torch import Tensor

from imaml.solvers.proximal import Point, Proximal, choose
from imaml.solvers.vectors import dot

SUFFICIENT = 1e-4
"""The share of the decrease promised by the slope that a step must achieve."""
HALVINGS = 30


def backtrack(proximal: Proximal, point: Point, direction: Tensor, searching: Tensor) -> tuple[Point, Tensor]:
    """The first of φ + d, φ + d/2, φ + d/4, … that lowers F enough, for the problems in a mask [...].

    Also returns which problems found one [...]; the others stay where they are. Near a minimum the decrease
    drowns in the rounding of F. There a step also counts as sufficient if it leaves F as it is to rounding
    and the slope at its end shows the decrease (the approximate Wolfe condition of Hager & Zhang 2005).
    """
    value, slope = proximal.value(point), dot(point.gradient, direction)
    rounding = 10 * torch.finfo(value.dtype).eps * value.abs()
    length = torch.ones_like(value)
    best, found = point, torch.zeros_like(searching)
    for _ in range(HALVINGS + 1):
        trial = proximal.at(point.phi + (searching * length)[..., None] * direction)
        reached, end_slope = proximal.value(trial), dot(trial.gradient, direction)
        lower = reached - value <= SUFFICIENT * length * slope
        level = (reached <= value + rounding) & (end_slope <= (2 * SUFFICIENT - 1) * slope)
        sufficient = searching & (lower | level) & trial.residual.isfinite()
        best, found = choose(sufficient, trial, best), found | sufficient
        searching = searching & ~sufficient
        if not searching.any():
            break
        length = length / 2
    return best, found
