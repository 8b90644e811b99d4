"""The exact gradient of the unrolled path: MAML (Finn, Abbeel, Levine 2017)."""

from dataclasses import dataclass, replace
from typing import Generic

from torch import Tensor

from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.method import MetaGradient, outer_gradient, pull_back
from imaml.metagrads.problem import Task
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.momentum import Momentum


@dataclass(frozen=True)
class UnrolledGradient(Generic[Task]):
    """dF/dθ through every inner step and through the centre that they start from, by reverse differentiation.

    The path's whole graph is held, so memory grows with the inner steps; of compiled steps, their points.
    """

    adaptation: PlainDescent[Task]

    def __post_init__(self) -> None:
        if not isinstance(self.adaptation.solver, GradientDescent | Momentum):
            name = type(self.adaptation.solver).__name__
            raise ValueError(
                f"solver is {name}; differentiable steps are those of GradientDescent or Momentum"
            )

    def solve(self, theta: Tensor, tasks: Task, step: int = 0, first_task: int = 0) -> MetaGradient:
        """Differentiate F at θ over a batch of tasks; see `MetaMethod`."""
        theta = theta.detach().requires_grad_()
        centres = self.adaptation.centres(theta, tasks)
        inner = self.adaptation.descend(centres, tasks, step, first_task, differentiable=True)
        outer_losses, v = outer_gradient(self.adaptation, inner.value, tasks)
        value = pull_back(inner.value, theta, v)
        inner = replace(
            inner,
            value=inner.value.detach(),
            residual=inner.residual.detach(),
            residuals=inner.residuals.detach(),
        )
        return MetaGradient(value, outer_losses, inner)
