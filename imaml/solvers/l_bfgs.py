"""L-BFGS on the proximal objective (Nocedal & Wright 2006, algorithms 7.4 and 7.5)."""

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.solvers.checks import require
from imaml.solvers.descent import minimise
from imaml.solvers.objective import Objective
from imaml.solvers.proximal import Point, Proximal
from imaml.solvers.solution import InnerSolution
from imaml.solvers.vectors import dot


@dataclass(frozen=True)
class LBFGS:
    """φ ← φ − tB∇F(φ) from φ = c, for at most `steps` steps; B is made from the last `memory` of them.

    t is 1, halved until F falls (Armijo). A problem whose residual is at most `tolerance` (0: never), or
    whose line search fails, stops there.
    """

    steps: int
    memory: int = 10
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.memory >= 1, "memory", self.memory, "1 or more")
        require(self.tolerance >= 0, "tolerance", self.tolerance, "0 or more")

    def solve(self, objective: Objective, centre: Tensor, lam: float | Tensor) -> InnerSolution:
        """Minimise from `centre` [..., size]; λ is one number, or one for each coordinate [size]."""
        memory = _Memory(self.memory)

        def direction(point: Point) -> Tensor:
            memory.learn(point)
            return -memory.apply(point.gradient)

        proximal = Proximal(objective, centre, lam)
        return minimise(proximal, self.steps, self.tolerance, direction, line_search=True)


class _Memory:
    """B, an approximate inverse of ∇²F, as the last steps s and the changes of the gradient y over them.

    A pair whose curvature sᵀy is not positive would make B indefinite: its weight is 0 in place of 1/sᵀy.
    """

    def __init__(self, length: int) -> None:
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=length)
        self._previous: Point | None = None
        self._scale: Tensor

    def learn(self, point: Point) -> None:
        if self._previous is None:
            # Nothing is known of the curvature yet: the first trial step is at most 1 long.
            self._scale = 1 / point.residual.clamp_min(1)
        else:
            s, y = point.phi - self._previous.phi, point.gradient - self._previous.gradient
            curvature, square = dot(s, y), dot(y, y)
            positive = curvature > torch.finfo(y.dtype).eps * (dot(s, s) * square).sqrt()
            self._pairs.append((s, y, torch.where(positive, 1 / curvature, 0.0)))
            self._scale = torch.where(positive, curvature / square, self._scale)
        self._previous = point

    def apply(self, gradient: Tensor) -> Tensor:
        shares: list[Tensor] = []
        for s, y, weight in reversed(self._pairs):
            shares.append((weight * dot(s, gradient))[..., None])
            gradient = gradient - shares[-1] * y
        gradient = self._scale[..., None] * gradient
        for (s, y, weight), share in zip(self._pairs, reversed(shares), strict=True):
            gradient = gradient + (share - (weight * dot(y, gradient))[..., None]) * s
        return gradient
