"""A batch of tasks as one objective: every task's loss, gradient and curvature in one vectorised call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.problem import Problem, Task


@dataclass(frozen=True)
class TaskObjective(Generic[Task]):
    """L(·, D_tr) of T tasks, for points [T, size of φ]; see `imaml.solvers.objective.Objective`."""

    problem: Problem[Task]
    tasks: Task

    def value_and_gradient(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """L [T] and ∇L [T, size]."""
        point = point.detach().requires_grad_()
        losses: Tensor = vmap(self.problem.inner_loss)(point, self.tasks)
        (gradient,) = torch.autograd.grad(losses.sum(), point)
        return losses.detach(), gradient

    def curvature(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        """The product with the Hessian of each task's loss.

        The tasks are independent, so the Hessian of the summed loss is block diagonal and one reverse pass
        over the gradient's graph serves all of them. That graph is built at the first product, once for all.
        """
        point = point.detach().requires_grad_()
        gradient: Tensor | None = None

        def product(vector: Tensor) -> Tensor:
            nonlocal gradient
            if gradient is None:
                losses: Tensor = vmap(self.problem.inner_loss)(point, self.tasks)
                (gradient,) = torch.autograd.grad(losses.sum(), point, create_graph=True)
            (image,) = torch.autograd.grad(gradient, point, vector, retain_graph=True)
            return image

        return product
