"""MAML's meta-gradient by learn2learn, used as in its examples."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from benchmarks.peers.network import Conv4
from benchmarks.peers.work import Gradient, Method, Work


def method(source: Path) -> Method:
    """With the learn2learn of a source distribution's folder.

    The package as a whole asks for compiled data loaders and for gym; MAML needs neither, so its own modules
    are imported without those of the packages around them.
    """
    for name in ("learn2learn", "learn2learn.algorithms"):
        package = ModuleType(name)
        package.__path__ = [str(source.joinpath(*name.split(".")))]
        sys.modules[name] = package
    maml: Any = import_module("learn2learn.algorithms.maml").MAML

    def meta_gradient(work: Work) -> Gradient:
        meta = Conv4(work.weights)
        learner = maml(meta, lr=work.rate)
        losses: list[Tensor] = []
        for support, labels, query, query_labels in work.tasks():
            adapted = learner.clone()
            for _ in range(work.steps):
                adapted.adapt(F.cross_entropy(adapted(support), labels))
            loss = F.cross_entropy(adapted(support, query), query_labels)
            (loss / len(work.support)).backward()
            losses.append(loss.detach())
        return torch.stack(losses).mean(), [weight.grad for weight in meta.weights if weight.grad is not None]

    return meta_gradient
