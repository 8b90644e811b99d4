"""Conv4, the network of the few-shot papers, as a function of its parameters."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.nets.convolution import flat, patches
from imaml.nets.layout import Layout
from imaml.nets.normalisation import SupportNormalised, Unit
from imaml.nets.pooling import max_pool


@dataclass(frozen=True)
class Conv4(SupportNormalised):
    """Four blocks of 3×3 convolution, normalisation and ReLU (Finn et al. 2017).

    Without `pool` the convolutions have stride 2, as for Omniglot; with it, stride 1 and 2×2 max pooling, as
    for mini-ImageNet. Differs from the papers' code in two ways. The moments of the normalisation come from
    the support set alone, so that an answer does not depend on the other queries; and there is no
    convolution bias, which the normalisation would remove.
    """

    channels: int = 1
    filters: int = 64
    size: int = 28
    pool: bool = False

    @property
    def layout(self) -> Layout:
        """Names and shapes of the parameters."""
        shapes: dict[str, tuple[int, ...]] = {}
        for block in range(4):
            inputs = self.filters if block else self.channels
            shapes[f"block{block}.weight"] = (self.filters, 3, 3, inputs)
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
            side = side // 2 if self.pool else (side + 1) // 2
        return self.filters * side * side

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw parameters [layout.size]: Xavier uniform weights (Glorot & Bengio 2010), scale 1, shift 0."""
        return self.layout.initialise(generator)

    def prepare(self, inputs: Tensor) -> Tensor:
        """The first block's patches of images [n, channels, size, size]."""
        return patches(inputs.movedim(1, 3), 3, self._stride)

    def forward(self, parameters: Tensor, seen: Tensor, unit: Unit) -> Tensor:
        """Features [n, features] of prepared images."""
        p = self.layout.unpack(parameters)
        x = seen
        for block in range(4):
            weight, scale, shift = (p[f"block{block}.{part}"] for part in ("weight", "scale", "shift"))
            x = unit(x, weight, scale, shift, self._stride) if block else unit(x, flat(weight), scale, shift)
            # Pooling first gives the same as ReLU first, at a quarter of its work.
            x = (max_pool(x) if self.pool else x).relu()
        return x.flatten(1)

    @property
    def _stride(self) -> int:
        return 1 if self.pool else 2
