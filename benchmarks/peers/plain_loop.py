"""The implicit meta-gradient in a plain loop over tasks, written by hand with autograd."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from benchmarks.peers.network import query_logits, support_logits
from benchmarks.peers.work import Gradient, Work

Tensors = list[Tensor]


def meta_gradient(work: Work) -> Gradient:
    """Proximal gradient descent on each task, then conjugate gradients on I + H/λ."""
    losses: Tensors = []
    total = [torch.zeros_like(weight) for weight in work.weights]
    for support, labels, query, query_labels in work.tasks():
        phi = _adapt(work, support, labels)
        outer_loss = F.cross_entropy(query_logits(phi, support, query), query_labels)
        v = list(torch.autograd.grad(outer_loss, phi))
        g = _solve(work, phi, support, labels, v)
        losses.append(outer_loss.detach())
        total = [t + part / len(work.support) for t, part in zip(total, g, strict=True)]
    return torch.stack(losses).mean(), total


def _adapt(work: Work, support: Tensor, labels: Tensor) -> Tensors:
    phi = [weight.detach().requires_grad_() for weight in work.weights]
    for _ in range(work.steps):
        loss = F.cross_entropy(support_logits(phi, support), labels)
        gradients = torch.autograd.grad(loss, phi)
        with torch.no_grad():
            phi = [
                (p - work.rate * (g + work.lam * (p - c))).requires_grad_()
                for p, g, c in zip(phi, gradients, work.weights, strict=True)
            ]
    return phi


def _solve(work: Work, phi: Tensors, support: Tensor, labels: Tensor, v: Tensors) -> Tensors:
    """Conjugate gradients from 0; the graph of the gradient is built once for all products."""
    loss = F.cross_entropy(support_logits(phi, support), labels)
    gradient = torch.autograd.grad(loss, phi, create_graph=True)
    x = [torch.zeros_like(part) for part in v]
    residual = direction = v
    squared = _dot(residual, residual)
    for _ in range(work.cg_steps):
        curved = torch.autograd.grad(gradient, phi, direction, retain_graph=True)
        image = [p + h / work.lam for p, h in zip(direction, curved, strict=True)]
        rate = squared / _dot(direction, image)
        x = [a + rate * p for a, p in zip(x, direction, strict=True)]
        residual = [r - rate * i for r, i in zip(residual, image, strict=True)]
        previous, squared = squared, _dot(residual, residual)
        direction = [r + squared / previous * p for r, p in zip(residual, direction, strict=True)]
    return x


def _dot(a: Tensors, b: Tensors) -> Tensor:
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)]).sum()
