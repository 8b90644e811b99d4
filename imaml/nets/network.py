"""What a predictor needs of a network."""

from typing import Protocol

import torch
from torch import Tensor

from imaml.nets.layout import Layout


class Network(Protocol):
    """Features as a function of one flat parameter vector and of the moments of a support set.

    The moments are whatever the network normalises by, as one flat vector, empty where there is none.
    """

    @property
    def layout(self) -> Layout:
        """Names and shapes of the parameters."""
        ...

    @property
    def features(self) -> int:
        """Length of the feature vector."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example: (channels, height, width) or (length,)."""
        ...

    def initialise(self, generator: torch.Generator) -> Tensor:
        """Draw parameters [layout.size]."""
        ...

    def prepare(self, inputs: Tensor) -> Tensor:
        """What the first layer sees of inputs [n, *input_shape], which no parameter changes."""
        ...

    def support_features(self, parameters: Tensor, seen: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, features] of a prepared support set, and its moments [m].

        `weights` [n] sum to 1 and say how much each example counts in the moments (0: not at all).
        """
        ...

    def query_features(self, parameters: Tensor, seen: Tensor, moments: Tensor) -> Tensor:
        """Features [n, features] of prepared inputs, normalised by the given moments."""
        ...
