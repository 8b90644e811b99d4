"""Task adaptation: the inner part of every method, for a whole batch of tasks in one vectorised call."""

from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.problem import Problem, Task
from imaml.solvers.gradient_descent import GradientDescent, InnerSolution


@dataclass(frozen=True)
class ProximalAdaptation(Generic[Task]):
    """φ* = argmin L(φ, D_tr) + λ/2 ‖φ − c(θ, D_tr)‖², as far as the inner solver goes."""

    problem: Problem[Task]
    solver: GradientDescent
    lam: float

    def __post_init__(self) -> None:
        if not self.lam > 0:
            raise ValueError(f"lam is {self.lam}; the proximal strength must be above 0")

    def centres(self, theta: Tensor, tasks: Task) -> Tensor:
        """The centre of each task [T, size of φ], differentiable in θ [size of θ]."""
        return vmap(self.problem.centre, (None, 0))(theta, tasks)

    def solve(self, centres: Tensor, tasks: Task) -> InnerSolution:
        """Adapt to each of T tasks from its centre [T, size of φ]."""

        def value_and_gradient(phi: Tensor) -> tuple[Tensor, Tensor]:
            phi = phi.detach().requires_grad_()
            losses: Tensor = vmap(self.problem.inner_loss)(phi, tasks)
            (gradient,) = torch.autograd.grad(losses.sum(), phi)
            return losses.detach(), gradient

        return self.solver.solve(value_and_gradient, centres.detach(), self.lam)
