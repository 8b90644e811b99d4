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
