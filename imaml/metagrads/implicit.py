"""The implicit meta-gradient (Rajeswaran et al. 2019, algorithms 1 and 2), pulled back through the centre.

For each task, φ* = argmin L(φ, D_tr) + ½ Σ λ_j (φ_j − c_j)² and v = dL(φ, D_te; m(φ, D_tr))/dφ at φ*. With
the curvature C of L(·, D_tr) at φ*, Λ = diag(λ) and the damping η,

    (Λ + η + C) w = v,    g = (Λ + η) w,    dF/dθ = (∂c/∂θ)ᵀ g,    dF/dλ_j = −w_j (φ_j − c_j).

For one λ and no damping that is the paper's (I + H/λ) g = v; for many, I + H Λ⁻¹ would not be symmetric.
Damping replaces λ by λ + η in the system and in g alike, so that a large η leads to g = v, the first-order
gradient, and dF/dλ to 0; both are exact where η is 0. The authors' public code solves another system,
((1 + 1) I + H/(λ + 10)) g = v. All of it depends on φ* alone, not on the path to it, so memory does not
grow with the inner steps.
"""

from dataclasses import dataclass
from typing import Generic, Literal

from torch import Tensor

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.method import MetaGradient, outer_gradient, pull_back
from imaml.metagrads.problem import Task
from imaml.metagrads.strength import LayerStrengths
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.neumann import Neumann


@dataclass(frozen=True)
class ImplicitGradient(Generic[Task]):
    """Implicit meta-gradient of a problem. With `linear_solver.steps` 0 it is the first-order one, g = v.

    The curvature is the Hessian of the loss or its generalised Gauss-Newton matrix, which leaves out the
    outputs' own curvature and is never negative.
    """

    adaptation: ProximalAdaptation[Task]
    linear_solver: ConjugateGradient | Neumann
    damping: float = 0.0
    curvature: Literal["hessian", "gauss_newton"] = "hessian"

    def __post_init__(self) -> None:
        if not self.damping >= 0:
            raise ValueError(f"damping is {self.damping}; it must be 0 or more")

    def solve(self, theta: Tensor, tasks: Task, step: int = 0, first_task: int = 0) -> MetaGradient:
        """Differentiate F at θ over a batch of tasks; see `MetaMethod`."""
        adaptation = self.adaptation
        theta = theta.detach().requires_grad_()
        centres = adaptation.centres(theta, tasks)
        inner = adaptation.solve(centres, tasks)
        outer_losses, v = outer_gradient(adaptation, inner.value, tasks)
        objective = adaptation.objective(tasks)
        gauss_newton = self.curvature == "gauss_newton"
        product = (objective.gauss_newton if gauss_newton else objective.curvature)(inner.value)
        shift = adaptation.strength(centres.shape[-1]) + self.damping
        linear = self.linear_solver.solve(product, v, shift)
        value = pull_back(centres, theta, shift * linear.value)
        lam_gradient = None
        if isinstance(adaptation.lam, LayerStrengths):
            displacement = inner.value - centres.detach()
            lam_gradient = adaptation.lam.pull_back(-(linear.value * displacement).mean(0))
        return MetaGradient(value, outer_losses, inner, linear, lam_gradient)
