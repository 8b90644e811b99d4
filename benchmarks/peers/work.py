"""What all sides are given: a meta-gradient to compute, from a file so that processes can share it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Work:
    """Weights as in `network`, T tasks, and the methods' hyperparameters."""

    weights: list[Tensor]
    support: Tensor
    """[T, n, 1, 28, 28]"""
    support_labels: Tensor
    """[T, n]"""
    query: Tensor
    query_labels: Tensor
    steps: int
    rate: float
    lam: float
    """Proximal strength of the implicit methods."""
    cg_steps: int

    def save(self, path: Path) -> None:
        """Write it all to a file."""
        torch.save(asdict(self), path)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> "Work":
        """Read it from a file onto a device."""
        return cls(**torch.load(path, map_location=device, weights_only=True))

    def tasks(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Support images and labels, query images and labels of one task after the other."""
        yield from zip(self.support, self.support_labels, self.query, self.query_labels, strict=True)


Gradient = tuple[Tensor, list[Tensor]]
"""The mean outer loss, and its meta-gradient in each of the weights."""

Method = Callable[[Work], Gradient]
