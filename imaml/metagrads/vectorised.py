"""A batch of tasks as one objective: every task's loss, gradient and curvature in one vectorised call."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.compiled import CompiledProblem
from imaml.metagrads.problem import Problem, Task


@dataclass(frozen=True)
class TaskObjective(Generic[Task]):
    """L(·, D_tr) of T tasks, for points [T, size of φ]; see `imaml.solvers.objective.Objective`.

    The tasks are independent, so the derivatives of the summed loss are those of each task side by side, and
    one reverse pass serves all of them. The same holds of the curvature, which is block diagonal. Its graph
    is built at the first product, once for all.
    """

    problem: Problem[Task]
    tasks: Task
    _: KW_ONLY
    differentiable: bool = False
    """Gradients carry the graph that made them, back to the point they were taken at."""
    autocast: bool = False
    """Losses and gradients are computed in bfloat16 where that is safe; curvature products are not."""
    compiled: CompiledProblem[Task] | None = None
    """The same problem compiled, used in its place."""

    def value_and_gradient(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """L [T] and ∇L [T, size]."""
        with torch.autocast(point.device.type, torch.bfloat16, enabled=self.autocast):
            if self.compiled:
                losses, gradient = self.compiled.value_and_gradient(point, self.tasks)
                return losses.to(point.dtype), gradient
            point = point if self.differentiable else point.detach().requires_grad_()
            losses = vmap(self.problem.inner_loss)(point, self.tasks)
        (gradient,) = torch.autograd.grad(losses.sum(), point, create_graph=self.differentiable)
        return losses.detach().to(point.dtype), gradient

    def curvature(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        """The product with the Hessian of each task's loss."""
        if self.compiled:
            compiled = self.compiled
            return lambda vector: compiled.hessian_product(point, self.tasks, vector)
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

    def gauss_newton(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        """The product with each task's generalised Gauss-Newton matrix Jᵀ ∇²ℓ J, never of negative curvature.

        J is the Jacobian of the outputs and ℓ the loss of them: the Hessian without the outputs' own
        curvature. Jᵀu is linear in u, so a reverse pass through it in u is the product J p.
        """
        if self.compiled:
            compiled = self.compiled
            return lambda vector: compiled.gauss_newton_product(point, self.tasks, vector)
        point = point.detach().requires_grad_()
        graph: tuple[Tensor, Tensor, Tensor] | None = None

        def product(vector: Tensor) -> Tensor:
            nonlocal graph
            if graph is None:
                outputs: Tensor = vmap(self.problem.inner_outputs)(point, self.tasks)
                u = torch.zeros_like(outputs, requires_grad=True)
                (pulled,) = torch.autograd.grad(outputs, point, u, create_graph=True)
                graph = outputs, u, pulled
            outputs, u, pulled = graph
            (tangent,) = torch.autograd.grad(pulled, u, vector, retain_graph=True)
            image: Tensor = vmap(self.problem.output_curvature)(outputs.detach(), self.tasks, tangent)
            (image,) = torch.autograd.grad(outputs, point, image, retain_graph=True)
            return image

        return product
