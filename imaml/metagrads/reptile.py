"""Reptile (Nichol, Achiam, Schulman 2018)."""

from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.method import MetaGradient, pull_back
from imaml.metagrads.problem import Task


@dataclass(frozen=True)
class Reptile(Generic[Task]):
    """(∂c/∂θ)ᵀ (c − φ), where the path ends at φ; not the gradient of any function.

    Where c = θ that is the paper's θ − φ. Where a part of the centre is made from the support set θ has no
    such part to be moved, and the displacement is pulled back to what the part was made from: θ then moves
    so that, to first order, the centre moves towards φ. The tasks' support sets are all that is learned from;
    the outer loss is for the log.
    """

    adaptation: PlainDescent[Task]

    def solve(self, theta: Tensor, tasks: Task, step: int = 0, first_task: int = 0) -> MetaGradient:
        """The update's direction at θ over a batch of tasks; see `MetaMethod`."""
        theta = theta.detach().requires_grad_()
        centres = self.adaptation.centres(theta, tasks)
        inner = self.adaptation.descend(centres.detach(), tasks, step, first_task)
        with torch.no_grad():
            outer_losses: Tensor = vmap(self.adaptation.problem.outer_loss)(inner.value, tasks)
        return MetaGradient(pull_back(centres, theta, centres.detach() - inner.value), outer_losses, inner)
