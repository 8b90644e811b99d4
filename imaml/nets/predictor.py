"""A network, a head and a loss together: what the solvers minimise and what the exporter writes down."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imaml.nets import gathered
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
        return self.prepared_centre(theta, self.network.prepare(inputs), targets)[0]

    def prepared_centre(self, theta: Tensor, seen: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`centre` for inputs that the network has prepared, with the features and moments of θ itself."""
        network, head = self.split(theta)
        features, moments = self.network.support_features(network, seen, self._weights(targets))
        rows = self.head.centre(head, features, targets)
        return torch.cat([network, rows.flatten()]), features, moments

    def support_outputs(self, phi: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [n, outputs] for the support set, and its moments."""
        outputs, _, moments = self.prepared_outputs(phi, self.network.prepare(inputs), targets)
        return outputs, moments

    def prepared_outputs(self, phi: Tensor, seen: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`support_outputs` for inputs that the network has prepared, with their features in between."""
        return self.outputs_of_parts(*self.split(phi), seen, targets)

    def outputs_of_parts(
        self, network: Tensor, rows: Tensor, seen: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`prepared_outputs` of a φ in its two parts."""
        features, moments = self.network.support_features(network, seen, self._weights(targets))
        return self._outputs(rows, features), features, moments

    def query_outputs(self, phi: Tensor, inputs: Tensor, moments: Tensor) -> Tensor:
        """Outputs [n, outputs] for inputs under the moments of a support set."""
        return self.query_answers(phi, inputs, moments)[0]

    def query_answers(self, phi: Tensor, inputs: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
        """`query_outputs` and the features that they are made of."""
        network, rows = self.split(phi)
        features = self.network.query_features(network, self.network.prepare(inputs), moments)
        return self._outputs(rows, features), features

    def _weights(self, targets: Tensor) -> Tensor:
        """How much each example counts [n]; numbers to fit carry no weights, so all count alike."""
        if isinstance(self.loss, CrossEntropy):
            return targets.sum(1)
        return torch.ones_like(targets[:, 0]) / targets.shape[0]

    def split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """θ or φ as (network, head)."""
        size = self.network.layout.size
        network, rest = parameters.split([size, parameters.numel() - size])
        return network, rest

    def _outputs(self, rows: Tensor, features: Tensor) -> Tensor:
        return gathered.with_ones(features) @ rows.reshape(-1, self.network.features + 1).T
