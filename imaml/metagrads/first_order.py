"""First-order MAML (Finn, Abbeel, Levine 2017, section 5.2)."""

from dataclasses import dataclass
from typing import Generic

from torch import Tensor

from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.method import MetaGradient, outer_gradient, pull_back
from imaml.metagrads.problem import Task


@dataclass(frozen=True)
class FirstOrderGradient(Generic[Task]):
    """(∂c/∂θ)ᵀ v with v = dL(φ, D_te)/dφ at the end of the path.

    The displacement φ − c is taken as a constant: φ = c(θ) + constant has the gradient (∂c/∂θ)ᵀ v, which is
    v itself where c = θ. With no inner steps φ is the centre and nothing is left out: with a prototype head
    that is a prototypical network (Snell et al. 2017), trained as such.
    """

    adaptation: PlainDescent[Task]

    def solve(self, theta: Tensor, tasks: Task, step: int = 0, first_task: int = 0) -> MetaGradient:
        """The first-order gradient at θ over a batch of tasks; see `MetaMethod`."""
        theta = theta.detach().requires_grad_()
        centres = self.adaptation.centres(theta, tasks)
        inner = self.adaptation.descend(centres.detach(), tasks, step, first_task)
        outer_losses, v = outer_gradient(self.adaptation, inner.value, tasks)
        return MetaGradient(pull_back(centres, theta, v), outer_losses, inner)
