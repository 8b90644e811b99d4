"""Every method and the problems that they are tried on, for the properties that they share."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from imaml.metagrads.adaptation import PlainDescent, ProximalAdaptation
from imaml.metagrads.first_order import FirstOrderGradient
from imaml.metagrads.gradient_dropout import GradientDropout
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.method import MetaMethod
from imaml.metagrads.reptile import Reptile
from imaml.metagrads.strength import LayerStrengths
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.nets.heads import MaskedHead, PlainHead
from imaml.nets.layout import Layout
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.momentum import Momentum
from imaml.solvers.neumann import Neumann
from tests.metagrads.smooth import WAYS, SmoothNetwork, smooth_problem
from tests.solvers.problems import QuadraticProblem, quadratics

TASKS = 3
LAM = 4.0  # enough for a unique minimum of the smooth tasks
FEATURES = SmoothNetwork().features


@dataclass(frozen=True)
class Instance:
    """A problem with a θ, a batch of tasks and the parts of θ."""

    problem: Any
    theta: Tensor
    tasks: Any
    layout: Layout

    def some(self, *tasks: int) -> Any:
        """A batch of some of the tasks."""
        return type(self.tasks)(*(part[list(tasks)] for part in self.tasks))


def quadratic(size: int = 8) -> Instance:
    """Quadratic tasks with the linear centre Mθ, φ's coordinates in three parts."""
    layout = Layout({"first": (2,), "second": (1, 2), "head": (size - 4,)})
    theta = torch.linspace(-1, 1, size, dtype=torch.float64)
    return Instance(QuadraticProblem(size), theta, quadratics(TASKS, size), layout)


def smooth(head: PlainHead | MaskedHead | None = None) -> Instance:
    """Few-shot classification by a small smooth network."""
    problem, theta, tasks = smooth_problem(TASKS, seed=2, head=head)
    return Instance(problem, theta, tasks, problem.predictor.layout)


PROBLEMS: dict[str, Callable[[], Instance]] = {
    "quadratic": quadratic,
    "prototype head": smooth,
    "plain head": lambda: smooth(PlainHead(FEATURES, WAYS)),
    "masked head": lambda: smooth(MaskedHead(FEATURES, WAYS + 2)),
}


def _proximal(instance: Instance) -> ProximalAdaptation[Any]:
    return ProximalAdaptation(instance.problem, GradientDescent(4, 0.1), LAM)


def _learned(instance: Instance) -> ProximalAdaptation[Any]:
    log_lam = torch.linspace(0, 2, len(instance.layout.shapes), dtype=torch.float64)
    return replace(_proximal(instance), lam=LayerStrengths(instance.layout, log_lam))


def _plain(instance: Instance, steps: int = 4, dropout: float | None = None) -> PlainDescent[Any]:
    noise = None if dropout is None else GradientDropout(dropout, seed=5)
    return PlainDescent(instance.problem, GradientDescent(steps, 0.1), dropout=noise)


def _momentum(instance: Instance) -> PlainDescent[Any]:
    return PlainDescent(instance.problem, Momentum(4, 0.05, 0.5))


METHODS: dict[str, Callable[[Instance], MetaMethod[Any]]] = {
    "imaml": lambda i: ImplicitGradient(_proximal(i), ConjugateGradient(3)),
    "imaml, damped": lambda i: ImplicitGradient(_proximal(i), ConjugateGradient(3), damping=1.0),
    "imaml, Gauss-Newton": lambda i: ImplicitGradient(
        _proximal(i), ConjugateGradient(3), curvature="gauss_newton"
    ),
    "imaml, Neumann": lambda i: ImplicitGradient(_proximal(i), Neumann(3)),
    "imaml, λ learned": lambda i: ImplicitGradient(_learned(i), ConjugateGradient(3)),
    "maml": lambda i: UnrolledGradient(_plain(i)),
    "maml, momentum": lambda i: UnrolledGradient(_momentum(i)),
    "maml, dropout": lambda i: UnrolledGradient(_plain(i, dropout=0.3)),
    "fomaml": lambda i: FirstOrderGradient(_plain(i)),
    "fomaml, dropout": lambda i: FirstOrderGradient(_plain(i, dropout=0.3)),
    "prototypical": lambda i: FirstOrderGradient(_plain(i, steps=0)),
    "reptile": lambda i: Reptile(_plain(i)),
    "reptile, dropout": lambda i: Reptile(_plain(i, dropout=0.3)),
}
WITHOUT_NOISE = [name for name in METHODS if "dropout" not in name]
