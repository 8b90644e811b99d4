"""Proximal strengths λ that are learned: one for all of φ, or one for each part of it."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from imaml.nets.layout import Layout


@dataclass(frozen=True)
class LayerStrengths:
    """λ by the parts of θ's layout, as logarithms, so that a step of any optimiser leaves λ above 0.

    The last part of the layout is the head: its λ is that of all coordinates of φ after the other parts',
    whose number depends on the ways of the task.
    """

    layout: Layout
    log_lam: Tensor
    """[1]: one λ for all; [parts of the layout]: one for each."""

    def __post_init__(self) -> None:
        parts = len(self.layout.shapes)
        if self.log_lam.shape not in ((1,), (parts,)):
            raise ValueError(
                f"log_lam has the shape {tuple(self.log_lam.shape)}; it must hold 1 number or one for each "
                f"of the {parts} parts of the layout"
            )

    def coordinates(self, size: int) -> Tensor:
        """λ of each coordinate of a φ of length `size` [size]."""
        return self._expand(self.log_lam.detach(), size)

    def pull_back(self, gradient: Tensor) -> Tensor:
        """From dF/dλ of each coordinate [size of φ] to dF/d log λ, of the shape of `log_lam`."""
        log_lam = self.log_lam.detach().requires_grad_()
        (result,) = torch.autograd.grad(self._expand(log_lam, len(gradient)), log_lam, gradient)
        return result

    def _expand(self, log_lam: Tensor, size: int) -> Tensor:
        sizes = [prod(shape) for shape in self.layout.shapes.values()][:-1]
        repeats = torch.tensor([*sizes, size - sum(sizes)], device=log_lam.device)
        return log_lam.exp().expand(len(repeats)).repeat_interleave(repeats, output_size=size)
