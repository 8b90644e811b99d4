"""Conv4, the network of the few-shot papers for 28×28 images, as a function of its parameters."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.layout import Layout

EPSILON = 1e-5


@dataclass(frozen=True)
class Conv4:
    """Four blocks of 3×3 convolution with stride 2, normalisation and ReLU (Finn et al. 2017, Omniglot).

    Differs from the papers' code in two ways. The moments of the normalisation come from the support set
    alone, so that an answer does not depend on the other queries; and there is no convolution bias, which
    the normalisation would remove.
    """

    channels: int = 1
    filters: int = 64
    size: int = 28

    @cached_property
    def layout(self) -> Layout:
        """Names and shapes of the parameters."""
        shapes: dict[str, tuple[int, ...]] = {}
        for block in range(4):
            inputs = self.filters if block else self.channels
            shapes[f"block{block}.weight"] = (self.filters, inputs, 3, 3)
            shapes[f"block{block}.scale"] = (self.filters,)
            shapes[f"block{block}.shift"] = (self.filters,)
        return Layout(shapes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.channels, self.size, self.size)

    @property
    def features(self) -> int:
        """Length of the feature vector."""
        side = self.size
        for _ in range(4):
            side = (side + 1) // 2
        return self.filters * side * side

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw parameters [layout.size]: Xavier uniform weights (Glorot & Bengio 2010), scale 1, shift 0."""
        pieces: list[Tensor] = []
        for name, shape in self.layout.shapes.items():
            if name.endswith("weight"):
                piece = torch.empty(shape)
                torch.nn.init.xavier_uniform_(piece, generator=generator)
            else:
                piece = torch.full(shape, 1.0 if name.endswith("scale") else 0.0)
            pieces.append(piece.flatten())
        return torch.cat(pieces)

    def support_features(self, parameters: Tensor, inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Features of a support set, and the moments that it normalises by.

        `inputs` [n, channels, size, size]; `weights` [n] sum to 1 and say how much each example counts in
        the moments (0: not at all). Returns features [n, features] and moments [4, 2, filters].
        """
        p = self.layout.unpack(parameters)
        moments: list[Tensor] = []
        x = inputs
        for block in range(4):
            x = F.conv2d(x, p[f"block{block}.weight"], stride=2, padding=1)
            shares = (weights / (x.shape[2] * x.shape[3]))[:, None, None, None]
            mean = (x * shares).sum((0, 2, 3))
            centred = x - mean[:, None, None]
            variance = (centred * centred * shares).sum((0, 2, 3))
            moments.append(torch.stack([mean, variance]))
            x = _activate(centred, variance, p[f"block{block}.scale"], p[f"block{block}.shift"])
        return x.flatten(1), torch.stack(moments)

    def query_features(self, parameters: Tensor, inputs: Tensor, moments: Tensor) -> Tensor:
        """Features [n, features] of inputs, normalised by the given moments [4, 2, filters]."""
        p = self.layout.unpack(parameters)
        x = inputs
        for block in range(4):
            x = F.conv2d(x, p[f"block{block}.weight"], stride=2, padding=1)
            mean, variance = moments[block]
            x = _activate(
                x - mean[:, None, None], variance, p[f"block{block}.scale"], p[f"block{block}.shift"]
            )
        return x.flatten(1)


def _activate(centred: Tensor, variance: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    factor = scale * (variance + EPSILON).rsqrt()
    return (centred * factor[:, None, None] + shift[:, None, None]).relu()
