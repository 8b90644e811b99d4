"""Every network, tiny and in float64, with random support and query sets: what the properties run through."""

from typing import NamedTuple

import torch
from torch import Tensor

from imaml.nets.conv4 import Conv4
from imaml.nets.mlp import MLP
from imaml.nets.network import Network
from imaml.nets.resnet12 import ResNet12

NETWORKS: dict[str, Network] = {
    "conv4": Conv4(filters=4),
    "conv4 with more filters than numbers in a patch": Conv4(filters=12),
    "conv4 with pooling": Conv4(channels=3, filters=3, size=21, pool=True),
    "resnet12": ResNet12(channels=3, size=18, widths=(2, 3, 4, 5)),
    "mlp": MLP(length=6, widths=(8, 7)),
}
WAYS, SHOTS = 4, 2


class Case(NamedTuple):
    """A network's parameters and data."""

    network: Network
    parameters: Tensor
    support: Tensor
    targets: Tensor
    queries: Tensor

    def support_features(self) -> tuple[Tensor, Tensor]:
        """Features and moments of the support set."""
        seen = self.network.prepare(self.support)
        return self.network.support_features(self.parameters, seen, self.targets.sum(1))


def case(name: str) -> Case:
    """The same every time; scales and shifts are not those of the initialisation."""
    network = NETWORKS[name]
    generator = torch.Generator().manual_seed(0)

    def random(examples: int) -> Tensor:
        return torch.rand(examples, *network.input_shape, dtype=torch.float64, generator=generator)

    parameters = network.initialise(generator).double()
    parameters += 0.1 * torch.randn(parameters.shape, dtype=torch.float64, generator=generator)
    targets = torch.eye(WAYS, dtype=torch.float64).repeat_interleave(SHOTS, 0) / (WAYS * SHOTS)
    return Case(network, parameters, random(WAYS * SHOTS), targets, random(5))
