"""Normalisation by the support set's moments: recorded on the way through it, replayed for queries.

Batch normalisation over the queries would make the answer to one depend on the others. Here the moments come
from the support set alone, and a query's answer is a function of them and of that one query.
"""

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor

EPSILON = 1e-5


class Normalise(Protocol):
    """Normalises one layer after the other, in the order of the forward pass."""

    def __call__(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """Centre and scale [n, channels, height, width], then apply scale and shift [channels]."""
        ...


class SupportNormalised(ABC):
    """A network whose one forward pass serves support and query sets. See `imaml.nets.network.Network`."""

    @abstractmethod
    def forward(self, parameters: Tensor, inputs: Tensor, normalise: Normalise) -> Tensor:
        """Features [n, features], with every normalisation done by `normalise`."""

    def support_features(self, parameters: Tensor, inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, features] of a support set, and its moments: each layer's means and variances.

        `weights` [n] sum to 1 and say how much each example counts in the moments (0: not at all).
        """
        recorder = _Recorder(weights)
        features = self.forward(parameters, inputs, recorder)
        return features, torch.cat(recorder.moments)

    def query_features(self, parameters: Tensor, inputs: Tensor, moments: Tensor) -> Tensor:
        """Features [n, features] of inputs, normalised by the given moments."""
        return self.forward(parameters, inputs, _Player(moments))


class _Recorder:
    """Normalises by the inputs' own weighted moments and keeps them."""

    def __init__(self, weights: Tensor) -> None:
        self._weights = weights[:, None]
        self.moments: list[Tensor] = []

    def __call__(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        mean = self._mean(x)
        centred = x - mean[:, None, None]
        variance = self._mean(centred * centred)
        self.moments += [mean, variance]
        return _rescale(centred, variance, scale, shift)

    def _mean(self, x: Tensor) -> Tensor:
        # In the weights' precision, which stays high where x comes out of a convolution in bfloat16.
        return (self._weights * x.mean((2, 3), dtype=self._weights.dtype)).sum(0)


class _Player:
    """Normalises by recorded moments."""

    def __init__(self, moments: Tensor) -> None:
        self._moments = moments

    def __call__(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        channels = len(scale)
        mean, variance = self._moments[:channels], self._moments[channels : 2 * channels]
        self._moments = self._moments[2 * channels :]
        return _rescale(x - mean[:, None, None], variance, scale, shift)


def _rescale(centred: Tensor, variance: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    factor = scale * (variance + EPSILON).rsqrt()
    return centred * factor[:, None, None] + shift[:, None, None]
