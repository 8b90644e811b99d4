"""The loop that all inner solvers share: they differ in the direction that they take from a point."""

from collections.abc import Callable

import torch
from torch import Tensor

from imaml.solvers.line_search import backtrack
from imaml.solvers.proximal import Point, Proximal
from imaml.solvers.solution import InnerSolution
from imaml.solvers.status import Status


def minimise(
    proximal: Proximal,
    steps: int,
    tolerance: float,
    direction: Callable[[Point], Tensor],
    *,
    line_search: bool = False,
) -> InnerSolution:
    """Step from the centre to φ + direction(φ) at most `steps` times, or less far by a line search.

    A problem stops where its residual is at most `tolerance` (0: never) or not finite, and where its line
    search finds no step. A batch without reasons to stop early makes no check that a GPU would wait for.
    """
    point = proximal.at(proximal.centre)
    losses, residuals = [point.loss], [point.residual]
    active = torch.ones_like(point.residual, dtype=torch.bool)
    taken = torch.zeros_like(active, dtype=torch.int64)
    stuck = torch.zeros_like(active)
    for _ in range(steps):
        active = active & ~stuck & point.residual.isfinite()
        if tolerance:
            active = active & (point.residual > tolerance)
        if (tolerance or line_search) and not active.any():
            break
        if line_search:
            point, moved = backtrack(proximal, point, direction(point), active)
            stuck = stuck | (active & ~moved)
            if not moved.any():
                break
        else:
            phi = torch.where(active[..., None], point.phi + direction(point), point.phi)
            point, moved = proximal.at(phi), active
        taken = taken + moved
        losses.append(point.loss)
        residuals.append(point.residual)
    status = torch.where(stuck, Status.LINE_SEARCH, Status.STEP_LIMIT)
    converged = (point.residual <= tolerance) & (tolerance > 0)
    status = torch.where(converged, Status.CONVERGED, status)
    status = torch.where(point.residual.isfinite(), status, Status.NON_FINITE)
    return InnerSolution(
        point.phi, status, taken, point.residual, torch.stack(losses), torch.stack(residuals)
    )
