"""A multi-layer perceptron for vectors, as a function of its parameters."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.layout import Layout
from imaml.nets.normalisation import EPSILON


@dataclass(frozen=True)
class MLP:
    """Layers of weights, layer normalisation and GELU.

    Each example is normalised by itself: moments over the two examples of a small support set would say
    nothing. A weight matrix has one column more than inputs, the bias, drawn like the others: with a bias of
    zero, normalisation would leave of a single number nothing but its sign.
    """

    length: int
    widths: tuple[int, ...] = (64, 64)

    @property
    def layout(self) -> Layout:
        """Names and shapes of the parameters."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (inputs, width) in enumerate(pairwise((self.length, *self.widths))):
            shapes[f"layer{layer}.weight"] = (width, inputs + 1)
            shapes[f"layer{layer}.scale"] = (width,)
            shapes[f"layer{layer}.shift"] = (width,)
        return Layout(shapes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one vector."""
        return (self.length,)

    @property
    def features(self) -> int:
        """Length of the feature vector."""
        return self.widths[-1]

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw parameters [layout.size]: Xavier uniform weights (Glorot & Bengio 2010), scale 1, shift 0."""
        return self.layout.initialise(generator)

    def prepare(self, inputs: Tensor) -> Tensor:
        """The vectors themselves."""
        return inputs

    def support_features(self, parameters: Tensor, seen: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, features] of vectors [n, length], and no moments [0]; the weights play no part."""
        return self._forward(parameters, seen), seen.new_empty(0)

    def query_features(self, parameters: Tensor, seen: Tensor, moments: Tensor) -> Tensor:
        """Features [n, features] of vectors [n, length]."""
        return self._forward(parameters, seen)

    def _forward(self, parameters: Tensor, inputs: Tensor) -> Tensor:
        p = self.layout.unpack(parameters)
        x = inputs
        for layer in range(len(self.widths)):
            rows = p[f"layer{layer}.weight"]
            x = x @ rows[:, :-1].T + rows[:, -1]
            # By hand: the library's layer normalisation has a second derivative that is not exported.
            centred = x - x.mean(1, keepdim=True)
            variance = (centred * centred).mean(1, keepdim=True)
            factor = p[f"layer{layer}.scale"] * (variance + EPSILON).rsqrt()
            x = F.gelu(centred * factor + p[f"layer{layer}.shift"])
        return x
