"""A network and a head together: what the solvers minimise and what the exporter writes down."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imaml.nets.conv4 import Conv4
from imaml.nets.heads import Head, PlainHead
from imaml.nets.layout import Layout


@dataclass(frozen=True)
class Classifier:
    """Few-shot classifier over flat vectors: θ = (network, head), φ = (network, one row for each class).

    Targets are weighted one-hot rows [n, ways] that sum to 1 over a set; a row's sum is that example's
    weight, in the loss and in the moments alike.
    """

    network: Conv4
    head: Head

    @cached_property
    def layout(self) -> Layout:
        """Names and shapes of the parts of θ."""
        return Layout({**self.network.layout.shapes, "head": (self.head.size,)})

    @property
    def fixed_ways(self) -> int | None:
        """The one number of classes that the head has room for, or None for any number."""
        return self.head.ways if isinstance(self.head, PlainHead) else None

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw θ [layout.size]."""
        return torch.cat([self.network.initialise(generator), self.head.initialise(generator)])

    def centre(self, theta: Tensor, images: Tensor, targets: Tensor) -> Tensor:
        """The centre c(θ, support) of the proximal term: a φ of length network + ways × (features + 1)."""
        network, head = self._split(theta)
        features, _ = self.network.support_features(network, images, targets.sum(1))
        return torch.cat([network, self.head.centre(head, features, targets).flatten()])

    def support_logits(self, phi: Tensor, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, ways] of the support set, and its moments."""
        network, rows = self._split(phi)
        features, moments = self.network.support_features(network, images, targets.sum(1))
        return self._logits(rows, features), moments

    def query_logits(self, phi: Tensor, images: Tensor, moments: Tensor) -> Tensor:
        """Logits [n, ways] of images under the moments of a support set."""
        network, rows = self._split(phi)
        return self._logits(rows, self.network.query_features(network, images, moments))

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        size = self.network.layout.size
        network, rest = parameters.split([size, parameters.numel() - size])
        return network, rest

    def _logits(self, rows: Tensor, features: Tensor) -> Tensor:
        rows = rows.reshape(-1, self.network.features + 1)
        return features @ rows[:, :-1].T + rows[:, -1]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of logits [n, ways] against weighted one-hot rows [n, ways], summed by weight."""
    return -(targets * logits.log_softmax(1)).sum()
