"""Armijo backtracking."""

import numpy as np

from imaml.runtime.graphs import Array
from imaml.runtime.objective import Objective, Point

SUFFICIENT = 1e-4
"""The share of the decrease promised by the slope that a step must achieve."""
HALVINGS = 30
ROUNDING = 10 * float(np.finfo(np.float32).eps)


def backtrack(objective: Objective, point: Point, direction: Array) -> Point | None:
    """The first of φ + d, φ + d/2, φ + d/4, … that lowers the objective enough, or None.

    Near a minimum the decrease drowns in rounding. There a step also counts as sufficient if it leaves the
    objective as it is to rounding and the slope at its end shows the decrease (the approximate Wolfe
    condition of Hager & Zhang 2005).
    """
    value, slope = point.value, float(point.gradient @ direction)
    if not slope <= 0:
        return None
    for halving in range(HALVINGS + 1):
        length = 0.5**halving
        phi = length * direction
        phi += point.phi
        trial = objective.at(phi)
        reached, end_slope = trial.value, float(trial.gradient @ direction)
        lower = reached <= value + SUFFICIENT * length * slope
        level = reached <= value + ROUNDING * abs(value) and end_slope <= (2 * SUFFICIENT - 1) * slope
        if (lower or level) and np.isfinite(trial.residual):
            return trial
    return None
