"""The implicit meta-gradient by TorchOpt's `ImplicitMetaGradientModule`, used as in its iMAML example."""

import warnings
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from benchmarks.peers.network import Conv4
from benchmarks.peers.work import Gradient, Method, Work

warnings.filterwarnings("ignore", category=FutureWarning)  # of names that TorchOpt calls by their old place


def method(work: Work) -> Method:
    """Conjugate gradients with exactly the work's number of steps."""
    torchopt: Any = import_module("torchopt")
    base: Any = import_module("torchopt.nn").ImplicitMetaGradientModule
    options: Any = {"linear_solve": torchopt.linear_solve.solve_cg(maxiter=work.cg_steps, rtol=0.0, atol=0.0)}

    class Inner(base, **options):
        """One task's parameters, which solve its proximal problem."""

        def __init__(self, meta: Conv4) -> None:
            super().__init__()
            self.meta = meta
            self.net = torchopt.module_clone(meta, by="deepcopy", detach_buffers=True)
            for parameter in self.net.parameters():
                parameter.requires_grad_()

        def objective(self, support: Tensor, labels: Tensor) -> Tensor:
            pairs = zip(self.parameters(), self.meta_parameters(), strict=True)
            distance = sum(((p - c) ** 2).sum() for p, c in pairs)
            return F.cross_entropy(self.net(support), labels) + work.lam / 2 * distance

        def solve(self, support: Tensor, labels: Tensor) -> "Inner":
            parameters = tuple(self.parameters())
            optimiser = torch.optim.SGD(parameters, lr=work.rate)
            with torch.enable_grad():
                for _ in range(work.steps):
                    loss = self.objective(support, labels)
                    optimiser.zero_grad()
                    loss.backward(inputs=parameters)
                    optimiser.step()
            return self

    def meta_gradient(work: Work) -> Gradient:
        meta = Conv4(work.weights)
        losses: list[Tensor] = []
        for support, labels, query, query_labels in work.tasks():
            inner = Inner(meta)
            inner.solve(support, labels)
            loss = F.cross_entropy(inner.net(support, query), query_labels)
            (loss / len(work.support)).backward()
            losses.append(loss.detach())
        return torch.stack(losses).mean(), [_gradient(weight) for weight in meta.weights]

    return meta_gradient


def _gradient(weight: Tensor) -> Tensor:
    assert weight.grad is not None
    return weight.grad
