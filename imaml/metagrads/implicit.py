"""The implicit meta-gradient (Rajeswaran et al. 2019, algorithms 1 and 2), pulled back through the centre.

For each task, φ* = argmin L(φ, D_tr) + λ/2 ‖φ − c‖² and v = dL(φ, D_te; m(φ, D_tr))/dφ at φ*; g solves
(I + H/(λ + η)) g = v with the Hessian H of L(·, D_tr) at φ*, and the meta-gradient is (∂c/∂θ)ᵀ g. It depends
on φ* alone, not on the path to it, so memory does not grow with the inner steps. The authors' public code
solves another system, ((1 + 1) I + H/(λ + 10)) g = v; here the damping η is a named option, 0 by default.
"""

from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.problem import Task
from imaml.metagrads.vectorised import TaskObjective
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.solution import InnerSolution, LinearSolution


@dataclass(frozen=True)
class MetaGradient:
    """The mean gradient over a batch of T tasks, and how each task's solves went."""

    value: Tensor
    """dF/dθ [size of θ]."""
    outer_losses: Tensor
    """L(φ*, D_te) for each task [T]."""
    inner: InnerSolution
    linear: LinearSolution


@dataclass(frozen=True)
class ImplicitGradient(Generic[Task]):
    """Implicit meta-gradient of a problem. With `linear_solver.steps` 0 it is the first-order one, g = v."""

    adaptation: ProximalAdaptation[Task]
    linear_solver: ConjugateGradient
    damping: float = 0.0

    def __post_init__(self) -> None:
        if not self.damping >= 0:
            raise ValueError(f"damping is {self.damping}; it must be 0 or more")

    def solve(self, theta: Tensor, tasks: Task) -> MetaGradient:
        """Differentiate F at θ over a batch of tasks, all in one vectorised call."""
        problem = self.adaptation.problem
        theta = theta.detach().requires_grad_()
        centres = self.adaptation.centres(theta, tasks)
        inner = self.adaptation.solve(centres, tasks)
        phi = inner.value.detach().requires_grad_()
        outer_losses: Tensor = vmap(problem.outer_loss)(phi, tasks)
        (v,) = torch.autograd.grad(outer_losses.sum(), phi)
        curvature = TaskObjective(problem, tasks).curvature(phi)
        strength = self.adaptation.lam + self.damping
        linear = self.linear_solver.solve(lambda p: p + curvature(p) / strength, v)
        (value,) = torch.autograd.grad(centres, theta, linear.value / len(v))
        return MetaGradient(value, outer_losses.detach(), inner, linear)
