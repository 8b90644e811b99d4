"""Heads: how θ and a support set give the centre of the last layer, one row (weights, bias) a class."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Head(Protocol):
    """The last layer: `size` meta-parameters, from which each task's rows are made."""

    @property
    def size(self) -> int:
        """Number of meta-parameters."""
        ...

    @property
    def min_ways(self) -> int:
        """The fewest classes (or outputs) that it makes rows for."""
        ...

    @property
    def max_ways(self) -> int | None:
        """The most of them; None where there is no limit."""
        ...

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw the meta-parameters [size]."""
        ...

    def centre(self, parameters: Tensor, features: Tensor, targets: Tensor) -> Tensor:
        """Rows [ways, features + 1] for support features [n, features] and their targets [n, ways]."""
        ...


@dataclass(frozen=True)
class PrototypeHead:
    """Rows from class prototypes μ_k with a learned scale s: w_k = 2sμ_k, b_k = −s‖μ_k‖².

    Proto-MAML (Triantafillou et al. 2020, section 3): at the centre, the softmax is that of a nearest
    prototype. Any number of classes, all treated alike. The one meta-parameter is log s.
    """

    features: int
    size: int = 1
    min_ways: int = 2
    max_ways: None = None

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Start at s = 10 / features: the network's normalised features then give logits of order 10."""
        return torch.tensor([10.0 / self.features]).log()

    def centre(self, parameters: Tensor, features: Tensor, targets: Tensor) -> Tensor:
        """Rows [ways, features + 1]; `targets` are weighted one-hot rows."""
        prototypes = (targets.T @ features) / targets.sum(0)[:, None]
        scale = parameters.exp()
        bias = -scale * (prototypes * prototypes).sum(1)
        return torch.cat([2 * scale * prototypes, bias[:, None]], dim=1)


@dataclass(frozen=True)
class PlainHead:
    """The paper's head: one meta-learned row for each of a fixed number of classes."""

    features: int
    ways: int

    @property
    def min_ways(self) -> int:
        """The one number of classes that there is room for."""
        return self.ways

    @property
    def max_ways(self) -> int:
        """The same."""
        return self.ways

    @property
    def size(self) -> int:
        """Number of meta-parameters."""
        return self.ways * (self.features + 1)

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw Xavier uniform weights (Glorot & Bengio 2010) and zero biases."""
        return _xavier_rows(self.ways, self.features, generator)

    def centre(self, parameters: Tensor, features: Tensor, targets: Tensor) -> Tensor:
        """The rows as they are, whatever the support set."""
        return parameters.reshape(self.ways, self.features + 1)


@dataclass(frozen=True)
class MaskedHead:
    """A wide head: one meta-learned row for each of `slots` classes, of which a task uses the first ones."""

    features: int
    slots: int
    min_ways: int = 2

    @property
    def max_ways(self) -> int:
        """The number of slots."""
        return self.slots

    @property
    def size(self) -> int:
        """Number of meta-parameters."""
        return self.slots * (self.features + 1)

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw Xavier uniform weights (Glorot & Bengio 2010) and zero biases."""
        return _xavier_rows(self.slots, self.features, generator)

    def centre(self, parameters: Tensor, features: Tensor, targets: Tensor) -> Tensor:
        """The first `ways` rows, whatever the support set."""
        return parameters.reshape(self.slots, self.features + 1)[: targets.shape[1]]


def _xavier_rows(ways: int, features: int, generator: torch.Generator) -> Tensor:
    rows = torch.zeros(ways, features + 1)
    torch.nn.init.xavier_uniform_(rows[:, :-1], generator=generator)
    return rows.flatten()
