"""Quadratic problems, whose solutions are known in closed form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Quadratic(NamedTuple):
    """L(φ, D_tr) = φᵀAφ/2 − aᵀφ and L(φ, D_te) = φᵀBφ/2 − bᵀφ, for one task or a batch of them."""

    A: Tensor
    a: Tensor
    B: Tensor
    b: Tensor


@dataclass(frozen=True)
class QuadraticObjective:
    """L(·, D_tr) of a batch of tasks, as solvers see it."""

    task: Quadratic

    def value_and_gradient(self, point: Tensor) -> tuple[Tensor, Tensor]:
        image = self.curvature(point)(point)
        return (point * image).sum(-1) / 2 - (self.task.a * point).sum(-1), image - self.task.a

    def curvature(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda vector: (self.task.A @ vector[..., None])[..., 0]


class QuadraticProblem:
    """The quadratic tasks as a problem, with a linear centre c = Mθ."""

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(7)
        self.M = torch.randn(size, size, dtype=torch.float64, generator=generator) / size**0.5

    def centre(self, theta: Tensor, task: Quadratic) -> Tensor:
        return self.M @ theta

    def inner_loss(self, phi: Tensor, task: Quadratic) -> Tensor:
        return phi @ task.A @ phi / 2 - task.a @ phi

    def inner_outputs(self, phi: Tensor, task: Quadratic) -> Tensor:
        return phi

    def output_curvature(self, outputs: Tensor, task: Quadratic, tangent: Tensor) -> Tensor:
        return task.A @ tangent

    def outer_loss(self, phi: Tensor, task: Quadratic) -> Tensor:
        return phi @ task.B @ phi / 2 - task.b @ phi


def quadratics(tasks: int, size: int, seed: int = 0) -> Quadratic:
    """A batch of tasks with positive definite A and B."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    def definite() -> Tensor:
        root = random(tasks, size, size)
        return root @ root.mT / size + 0.1 * torch.eye(size, dtype=torch.float64)

    return Quadratic(definite(), random(tasks, size), definite(), random(tasks, size))


@dataclass(frozen=True)
class Smooth:
    """Any smooth loss of points [..., size] and of data with the same leading dimensions."""

    loss: Callable[..., Tensor]
    data: tuple[Tensor, ...] = ()

    def value_and_gradient(self, point: Tensor) -> tuple[Tensor, Tensor]:
        point = point.detach().requires_grad_()
        losses = self.loss(point, *self.data)
        (gradient,) = torch.autograd.grad(losses.sum(), point)
        return losses.detach(), gradient

    def curvature(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        point = point.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.loss(point, *self.data).sum(), point, create_graph=True)
        return lambda vector: torch.autograd.grad(gradient, point, vector, retain_graph=True)[0]


def quadratic(phi: Tensor, matrix: Tensor, linear: Tensor) -> Tensor:
    """φᵀAφ/2 − aᵀφ."""
    return ((matrix @ phi[..., None])[..., 0] / 2 - linear).mul(phi).sum(-1)


def logistic(phi: Tensor, inputs: Tensor, signs: Tensor) -> Tensor:
    """Logistic regression: convex, not quadratic."""
    margins = signs * (inputs @ phi[..., None])[..., 0]
    return torch.nn.functional.softplus(-margins).mean(-1)


def wells(phi: Tensor) -> Tensor:
    """A double well in every coordinate: its curvature 3φ² − 1 is negative near 0."""
    return ((phi.square() - 1).square() / 4).sum(-1)


@dataclass(frozen=True)
class Case:
    """A batch of inner problems for every solver to solve."""

    objective: Smooth
    centre: Tensor
    lam: float | Tensor
    steepest: float
    """An upper bound on the curvature of F, for the learning rates."""

    def alone(self, task: int) -> "Case":
        data = tuple(part[task] for part in self.objective.data)
        return Case(Smooth(self.objective.loss, data), self.centre[task], self.lam, self.steepest)

    def weakest(self) -> float:
        """The smallest λ."""
        return float(torch.as_tensor(self.lam).min())

    def value(self, phi: Tensor) -> Tensor:
        """F(φ)."""
        loss, _ = self.objective.value_and_gradient(phi)
        return loss + (self.lam * (phi - self.centre) ** 2).sum(-1) / 2

    def gradient(self, phi: Tensor) -> Tensor:
        """∇F(φ)."""
        return self.objective.value_and_gradient(phi)[1] + self.lam * (phi - self.centre)


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _logistic_case(lam: float | Tensor) -> Case:
    data = (_random(3, 30, 6, seed=2), _random(3, 30, seed=3).sign())
    return Case(Smooth(logistic, data), _random(3, 6, seed=4), lam, steepest=3.0)


def _quadratic_case(lam: float | Tensor) -> Case:
    task = quadratics(3, 6)
    return Case(Smooth(quadratic, (task.A, task.a)), _random(3, 6, seed=1), lam, steepest=6.0)


LAYERS = torch.tensor([0.2, 0.2, 0.5, 0.5, 2.0, 2.0], dtype=torch.float64)
CONVEX = {
    "quadratic": _quadratic_case(0.7),
    "quadratic, a λ for each layer": _quadratic_case(LAYERS),
    "logistic": _logistic_case(0.3),
    "logistic, a λ for each layer": _logistic_case(LAYERS),
}
WELLS = {
    "negative at once": Case(Smooth(wells), 0.3 * _random(3, 6, seed=5), 0.1, steepest=12.0),
    "negative along some directions": Case(
        Smooth(wells), torch.tensor([[1.5, 0.1, -0.2], [0.01, -1.8, 1.2]], dtype=torch.float64), 0.1, 12.0
    ),
}
