"""Linear models, whose Gauss-Newton matrix is the Hessian."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from imaml.nets.losses import CrossEntropy, SquaredError


class Table(NamedTuple):
    """Inputs and targets of a batch of tasks."""

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True)
class LinearProblem:
    """A model that is linear in φ, to be learned and judged on the same examples."""

    loss: CrossEntropy | SquaredError

    def centre(self, theta: Tensor, task: Table) -> Tensor:
        return theta

    def inner_outputs(self, phi: Tensor, task: Table) -> Tensor:
        return task.inputs @ phi.reshape(task.inputs.shape[1], -1)

    def inner_loss(self, phi: Tensor, task: Table) -> Tensor:
        return self.loss.value(self.inner_outputs(phi, task), task.targets)

    def output_curvature(self, outputs: Tensor, task: Table, tangent: Tensor) -> Tensor:
        return self.loss.hessian_product(outputs, task.targets, tangent)

    def outer_loss(self, phi: Tensor, task: Table) -> Tensor:
        return self.inner_loss(phi, task)


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
