"""Adapting to a support set and answering as one writes it in PyTorch: autograd and native layers, eager.

The network and its weights are those of `network`, the problem and its centre those of a prototype head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from benchmarks.peers.network import Moments, fixed_logits, support_features, support_logits, support_moments


class Descent(NamedTuple):
    """Proximal gradient descent."""

    steps: int
    rate: float
    lam: float


class Adapted(NamedTuple):
    """What a prediction needs."""

    phi: list[Tensor]
    moments: list[Moments]


def solve(theta: Sequence[Tensor], images: Tensor, labels: Tensor, descent: Descent) -> list[Tensor]:
    """φ for images in the order of their labels, as many of each class; θ ends with the head's log s."""
    centre = _centre(theta, images, int(labels[-1]) + 1)
    phi = [part.clone().requires_grad_() for part in centre]
    for _ in range(descent.steps):
        loss = F.cross_entropy(support_logits(phi, images), labels)
        gradients = torch.autograd.grad(loss, phi)
        with torch.no_grad():
            phi = [
                (p - descent.rate * (g + descent.lam * (p - c))).requires_grad_()
                for p, g, c in zip(phi, gradients, centre, strict=True)
            ]
    return [part.detach() for part in phi]


def adapt(theta: Sequence[Tensor], images: Tensor, labels: Tensor, descent: Descent) -> Adapted:
    """φ with the moments that belong to it."""
    phi = solve(theta, images, labels, descent)
    return Adapted(phi, support_moments(phi, images))


@torch.inference_mode()
def predict(adapted: Adapted, images: Tensor) -> Tensor:
    """Probabilities [n, ways]."""
    return fixed_logits(adapted.phi, adapted.moments, images).softmax(1)


@torch.no_grad()
def _centre(theta: Sequence[Tensor], images: Tensor, ways: int) -> list[Tensor]:
    *weights, log_scale = theta
    prototypes = support_features(weights, images).unflatten(0, (ways, -1)).mean(1)
    scale = log_scale.exp()
    return [*weights, 2 * scale * prototypes, -scale * (prototypes * prototypes).sum(1)]
