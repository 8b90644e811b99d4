"""Layers normalised by the support set's moments: recorded on the way through it, replayed for queries.

Batch normalisation over the queries would make the answer to one depend on the others. Here the moments come
from the support set alone, and a query's answer is a function of them and of that one query.
"""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.convolution import convolve, patches

EPSILON = 1e-5


class Unit(Protocol):
    """Convolves and normalises, one layer after the other in the order of the forward pass."""

    def __call__(self, x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, stride: int = 1) -> Tensor:
        """Convolve [n, height, width, in], standardise each channel, then apply scale and shift [out]."""
        ...


class SupportNormalised(ABC):
    """A network whose one forward pass serves support and query sets. See `imaml.nets.network.Network`."""

    @abstractmethod
    def forward(self, parameters: Tensor, seen: Tensor, unit: Unit) -> Tensor:
        """Features [n, features] of prepared inputs."""

    def support_features(self, parameters: Tensor, seen: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, features] of a support set, and its moments: each layer's means and variances.

        `weights` [n] sum to 1 and say how much each example counts in the moments (0: not at all).
        """
        recorder = _Recorder(weights)
        features = self.forward(parameters, seen, recorder)
        return features, torch.cat(recorder.moments)

    def query_features(self, parameters: Tensor, seen: Tensor, moments: Tensor) -> Tensor:
        """Features [n, features] of prepared inputs, normalised by the given moments."""
        return self.forward(parameters, seen, _Player(moments))


class _Recorder:
    """Normalises by the inputs' own weighted moments and keeps them."""

    def __init__(self, weights: Tensor) -> None:
        self._weights = weights
        self.moments: list[Tensor] = []

    def __call__(self, x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, stride: int = 1) -> Tensor:
        unit = self._narrow if weight[0].numel() < len(weight) else self._wide
        return unit(x, weight, scale, shift, stride)

    def _wide(self, x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, stride: int) -> Tensor:
        x = convolve(x, weight, stride)
        centred, mean, variance = _moments(x.flatten(0, 2), self._of_rows(x))
        self.moments += [mean, variance]
        return (centred * _factor(scale, variance) + shift).reshape(x.shape)

    def _narrow(self, x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, stride: int) -> Tensor:
        """Where patches are shorter than what becomes of them, their moments give those of the outputs.

        The normalisation is then part of the matrix: no pass over the outputs, the largest of a network.
        """
        seen, matrix = patches(x, weight.shape[1], stride), weight.flatten(1)
        rows = seen.flatten(0, 2)
        with torch.autocast(x.device.type, enabled=False):
            weights = self._of_rows(seen)
            centre = weights @ rows
            centred = rows - centre
            covariance = (centred * weights[:, None]).T @ centred
            mean = matrix @ centre
            variance = (matrix @ covariance * matrix).sum(1)
        self.moments += [mean, variance]
        factor = _factor(scale, variance)
        outputs = F.linear(rows, matrix * factor[:, None], shift - mean * factor)
        return outputs.reshape(*seen.shape[:3], -1)

    def _of_rows(self, x: Tensor) -> Tensor:
        """How much each pixel of [n, height, width, channels] counts."""
        pixels = x.shape[1] * x.shape[2]
        return (self._weights / pixels)[:, None].expand(-1, pixels).flatten()


class _Player:
    """Normalises by recorded moments, as part of the matrix."""

    def __init__(self, moments: Tensor) -> None:
        self._moments = moments

    def __call__(self, x: Tensor, weight: Tensor, scale: Tensor, shift: Tensor, stride: int = 1) -> Tensor:
        channels = len(scale)
        mean, variance = self._moments[:channels], self._moments[channels : 2 * channels]
        self._moments = self._moments[2 * channels :]
        factor = _factor(scale, variance)
        return convolve(x, weight * factor[:, None, None, None], stride) + (shift - mean * factor)


def _factor(scale: Tensor, variance: Tensor) -> Tensor:
    return scale * (variance + EPSILON).rsqrt()


def _moments(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows [n, c] less their weighted mean, that mean [c] and their variance [c]; weights [n] sum to 1."""
    # In the weights' precision, which stays high where x comes out of a product in bfloat16.
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(weights.dtype)
        if not torch.compiler.is_compiling():
            return _Moments.apply(x, weights)
        mean = weights @ x
        centred = x - mean
        return centred, mean, weights @ (centred * centred)


class _Moments(torch.autograd.Function):
    """`_moments` with a backward in the fewest passes; the weights are constants."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = weights @ x
        centred = x - mean
        return centred, mean, weights @ (centred * centred)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(output[0], inputs[1])
        ctx.save_for_forward(output[0], inputs[1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        centred, weights = ctx.saved_tensors
        to_centred, to_mean, to_variance = grad_outputs
        # Along the mean, centred rows do not change the variance: their weighted sum is 0.
        through_moments = centred * (2 * to_variance) + (to_mean - to_centred.sum(0))
        return to_centred + weights[:, None] * through_moments, None

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
        centred, weights = ctx.saved_tensors
        mean = weights @ grad_inputs[0]
        return grad_inputs[0] - mean, mean, 2 * (weights @ (centred * grad_inputs[0]))
