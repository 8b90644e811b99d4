"""What the inner loop does for the queries: their loss by inner step, on a few validation tasks."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.runtime.recipe import Recipe
from imaml.tasks.mixture import Sampler
from imaml.training.fewshot import FewShot
from imaml.training.methods import adaptation_for

TASKS = 4


def query_losses(problem: FewShot, recipe: Recipe, theta: Tensor, sampler: Sampler) -> dict[int, float]:
    """Return the mean query loss after 0, 1, 2, 4, … and all steps of a recipe.

    Each is solved anew, since solvers hand out the last point alone; all of them together cost about as many
    steps as two solves.
    """
    tasks = sampler.batch(0, TASKS, 0)
    losses: dict[int, float] = {}
    for steps in _spread(recipe.max_steps):
        adaptation = adaptation_for(problem, replace(recipe, max_steps=steps))
        with torch.no_grad():
            centres = adaptation.centres(theta, tasks)
        phi = adaptation.solve(centres, tasks).value if steps else centres
        with torch.no_grad():
            losses[steps] = float(vmap(problem.outer_loss)(phi, tasks).mean())
    return losses


def _spread(most: int) -> list[int]:
    """0, the powers of two below `most`, and `most`."""
    return sorted({0, most, *(2**power for power in range(most.bit_length()) if 2**power < most)})
