"""A network, a head and a loss together: what the solvers minimise and what the exporter writes down."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imaml.nets.heads import Head
from imaml.nets.layout import Layout
from imaml.nets.losses import CrossEntropy, Loss
from imaml.nets.network import Network


@dataclass(frozen=True)
class Predictor:
    """Few-shot predictor over flat vectors: θ = (network, head), φ = (network, one row for each output).

    A classifier's targets are weighted one-hot rows [n, ways] that sum to 1 over a set; a row's sum is that
    example's weight, in the loss and in the moments alike. A regressor's are numbers [n, 1].
    """

    network: Network
    head: Head
    loss: Loss = CrossEntropy()  # noqa: RUF009 - immutable

    @cached_property
    def layout(self) -> Layout:
        """Names and shapes of the parts of θ."""
        return Layout({**self.network.layout.shapes, "head": (self.head.size,)})

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw θ [layout.size]."""
        return torch.cat([self.network.initialise(generator), self.head.initialise(generator)])

    def centre(self, theta: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        """The centre c(θ, support) of the proximal term: a φ of length network + outputs × (features + 1)."""
        network, head = self._split(theta)
        features, _ = self.network.support_features(network, inputs, self._weights(targets))
        return torch.cat([network, self.head.centre(head, features, targets).flatten()])

    def support_outputs(self, phi: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [n, outputs] for the support set, and its moments."""
        network, rows = self._split(phi)
        features, moments = self.network.support_features(network, inputs, self._weights(targets))
        return self._outputs(rows, features), moments

    def query_outputs(self, phi: Tensor, inputs: Tensor, moments: Tensor) -> Tensor:
        """Outputs [n, outputs] for inputs under the moments of a support set."""
        network, rows = self._split(phi)
        return self._outputs(rows, self.network.query_features(network, inputs, moments))

    def _weights(self, targets: Tensor) -> Tensor:
        """How much each example counts [n]; numbers to fit carry no weights, so all count alike."""
        if isinstance(self.loss, CrossEntropy):
            return targets.sum(1)
        return torch.ones_like(targets[:, 0]) / targets.shape[0]

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        size = self.network.layout.size
        network, rest = parameters.split([size, parameters.numel() - size])
        return network, rest

    def _outputs(self, rows: Tensor, features: Tensor) -> Tensor:
        rows = rows.reshape(-1, self.network.features + 1)
        return features @ rows[:, :-1].T + rows[:, -1]
