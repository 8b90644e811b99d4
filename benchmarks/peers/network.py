"""Conv4 with a linear head as one writes it in PyTorch, with native convolutions and batch normalisation.

The weights are a list of tensors: for each block a convolution's [out, in, 3, 3], a scale and a shift; then
the head's matrix [ways, features] and bias. Queries are normalised by the support set's moments, as in imaml.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's usual name

EPSILON = 1e-5
BLOCKS = 4


class Moments(NamedTuple):
    """By which a block normalises."""

    mean: Tensor
    variance: Tensor


def support_features(weights: Sequence[Tensor], images: Tensor) -> Tensor:
    """Features [n, features] of a support set, normalised by its own moments."""
    x = images
    for block in range(BLOCKS):
        weight, scale, shift = weights[3 * block : 3 * block + 3]
        x = F.conv2d(x, weight, stride=2, padding=1)
        x = F.batch_norm(x, None, None, scale, shift, training=True, eps=EPSILON).relu()
    return x.flatten(1)


def support_logits(weights: Sequence[Tensor], images: Tensor) -> Tensor:
    """Logits [n, ways] of a support set, normalised by its own moments."""
    return F.linear(support_features(weights, images), weights[-2], weights[-1])


def query_logits(weights: Sequence[Tensor], support: Tensor, query: Tensor) -> Tensor:
    """Logits [n, ways] of a query set, normalised by the moments of the support set."""
    x, y = support, query
    for block in range(BLOCKS):
        weight, scale, shift = weights[3 * block : 3 * block + 3]
        x, y = (F.conv2d(z, weight, stride=2, padding=1) for z in (x, y))
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
        factor = scale[:, None, None] * (variance + EPSILON).rsqrt()
        x, y = (((z - mean) * factor + shift[:, None, None]).relu() for z in (x, y))
    return F.linear(y.flatten(1), weights[-2], weights[-1])


@torch.inference_mode()
def support_moments(weights: Sequence[Tensor], images: Tensor) -> list[Moments]:
    """The support set's own moments, block after block."""
    x, found = images, list[Moments]()
    for block in range(BLOCKS):
        weight, scale, shift = weights[3 * block : 3 * block + 3]
        x = F.conv2d(x, weight, stride=2, padding=1)
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        found.append(Moments(mean, variance))
        x = F.batch_norm(x, mean, variance, scale, shift, eps=EPSILON).relu()
    return found


def fixed_logits(weights: Sequence[Tensor], moments: Sequence[Moments], images: Tensor) -> Tensor:
    """Logits [n, ways], normalised by moments that are known."""
    x = images
    for block, (mean, variance) in enumerate(moments):
        weight, scale, shift = weights[3 * block : 3 * block + 3]
        x = F.conv2d(x, weight, stride=2, padding=1)
        x = F.batch_norm(x, mean, variance, scale, shift, eps=EPSILON).relu()
    return F.linear(x.flatten(1), weights[-2], weights[-1])


class Conv4(nn.Module):
    """The same network as a module, for libraries that take one."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        """Starts at the given weights."""
        super().__init__()
        self.weights = nn.ParameterList(weight.clone() for weight in weights)

    def forward(self, support: Tensor, query: Tensor | None = None) -> Tensor:
        """Logits of the queries, or where there are none of the support set itself."""
        weights = list(self.weights)
        return support_logits(weights, support) if query is None else query_logits(weights, support, query)
