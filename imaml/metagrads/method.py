"""The interface that all methods share: task adaptation, then the meta-update's gradient."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.adaptation import Adaptation
from imaml.metagrads.problem import Task
from imaml.solvers.solution import InnerSolution, LinearSolution


@dataclass(frozen=True)
class MetaGradient:
    """The mean gradient over a batch of T tasks, and how each task's solves went."""

    value: Tensor
    """dF/dθ [size of θ], or the update that a method takes in its place."""
    outer_losses: Tensor
    """L(φ, D_te) for each task [T]."""
    inner: InnerSolution
    linear: LinearSolution | None = None
    """How the implicit gradient's linear systems were solved."""
    lam_gradient: Tensor | None = None
    """dF/d log λ, of the shape of the learned log λ; None where λ is fixed."""


class MetaMethod(Protocol[Task]):
    """A method of meta-learning: how it adapts to a task, and what it tells the outer optimiser."""

    @property
    def adaptation(self) -> Adaptation[Any]:
        """How tasks are adapted to, at evaluation too."""
        ...

    def solve(self, theta: Tensor, tasks: Task, step: int = 0, first_task: int = 0) -> MetaGradient:
        """The meta-gradient at θ [size of θ], the mean over a batch of tasks, in one vectorised call.

        `step` and `first_task`, the batch's place among the tasks of meta-step `step`, key what is random:
        a step that is repeated, or cut into batches anywhere, draws the same numbers for each task.
        """
        ...


def outer_gradient(adaptation: Adaptation[Task], phi: Tensor, tasks: Task) -> tuple[Tensor, Tensor]:
    """L(φ, D_te) [T] and v = dL(φ, D_te; m(φ, D_tr))/dφ [T, size of φ], the total derivative, at φ."""
    if adaptation.compiled:
        return adaptation.compiled.outer_value_and_gradient(phi, tasks)
    phi = phi.detach().requires_grad_()
    losses: Tensor = vmap(adaptation.problem.outer_loss)(phi, tasks)
    (v,) = torch.autograd.grad(losses.sum(), phi)
    return losses.detach(), v


def pull_back(points: Tensor, theta: Tensor, vectors: Tensor) -> Tensor:
    """The mean over tasks of (∂p/∂θ)ᵀ g, for vectors g and points p made from θ, both [T, size of φ]."""
    (value,) = torch.autograd.grad(points, theta, vectors / len(vectors))
    return value
