"""ResNet-12, the few-shot literature's deeper network, as a function of its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.convolution import flat, patches
from imaml.nets.layout import Layout
from imaml.nets.normalisation import SupportNormalised, Unit
from imaml.nets.pooling import max_pool

CONVOLUTIONS = 3
SLOPE = 0.1


@dataclass(frozen=True)
class ResNet12(SupportNormalised):
    """Four residual blocks of three 3×3 convolutions, then the mean over what is left of the image.

    As in Oreshkin et al. 2018 (TADAM) and Lee et al. 2019 (MetaOptNet), with their leaky ReLU and widths;
    without their DropBlock, and normalised by the support set's moments.
    """

    channels: int = 3
    size: int = 84
    widths: tuple[int, ...] = (64, 160, 320, 640)

    @property
    def layout(self) -> Layout:
        """Names and shapes of the parameters."""
        shapes: dict[str, tuple[int, ...]] = {}
        for block, (inputs, width) in enumerate(pairwise((self.channels, *self.widths))):
            for part in (*range(CONVOLUTIONS), "shortcut"):
                fan_in = width if part in range(1, CONVOLUTIONS) else inputs
                kernel = 1 if part == "shortcut" else 3
                shapes[f"block{block}.{part}.weight"] = (width, kernel, kernel, fan_in)
                shapes[f"block{block}.{part}.scale"] = (width,)
                shapes[f"block{block}.{part}.shift"] = (width,)
        return Layout(shapes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return (self.channels, self.size, self.size)

    @property
    def features(self) -> int:
        """Length of the feature vector."""
        return self.widths[-1]

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw parameters [layout.size]: Xavier uniform weights (Glorot & Bengio 2010), scale 1, shift 0."""
        return self.layout.initialise(generator)

    def prepare(self, inputs: Tensor) -> Tensor:
        """The 3×3 patches of images [n, channels, size, size]."""
        return patches(inputs.movedim(1, 3), 3)

    def forward(self, parameters: Tensor, seen: Tensor, unit: Unit) -> Tensor:
        """Features [n, features] of prepared images."""
        p = self.layout.unpack(parameters)
        middle = slice(4 * self.channels, 5 * self.channels)
        x = seen[..., middle]
        for block in range(len(self.widths)):
            y = x if block else seen
            for part in range(CONVOLUTIONS):
                y = _unit(p, f"block{block}.{part}", y, unit, prepared=block == part == 0)
                y = F.leaky_relu(y, SLOPE) if part < CONVOLUTIONS - 1 else y
            shortcut = _unit(p, f"block{block}.shortcut", x, unit)
            # Pooling first gives the same as the activation first, at a quarter of its work.
            x = F.leaky_relu(max_pool(y + shortcut), SLOPE)
        return x.mean((1, 2))


def _unit(p: Mapping[str, Tensor], name: str, x: Tensor, unit: Unit, prepared: bool = False) -> Tensor:
    """Convolution and normalisation."""
    weight = p[f"{name}.weight"]
    return unit(x, flat(weight) if prepared else weight, p[f"{name}.scale"], p[f"{name}.shift"])
