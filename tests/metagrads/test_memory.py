"""What a meta-gradient holds at its peak: the implicit one one step, the unrolled one the whole path."""

from typing import Any

import pytest
import torch
from torch import Tensor

from imaml.metagrads.adaptation import PlainDescent, ProximalAdaptation
from imaml.metagrads.first_order import FirstOrderGradient
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.method import MetaMethod
from imaml.metagrads.reptile import Reptile
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from tests.metagrads.registry import LAM, Instance, smooth


class Held:
    """Bytes that graphs hold for their reverse passes, now and at most."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def pack(self, tensor: Tensor) -> "Saved":
        self.now += tensor.nbytes
        self.most = max(self.most, self.now)
        return Saved(self, tensor)


class Saved:
    """A tensor that a graph holds, until the graph is gone."""

    def __init__(self, held: Held, tensor: Tensor) -> None:
        self.held, self.tensor = held, tensor

    def __del__(self) -> None:
        self.held.now -= self.tensor.nbytes


def peak(method: MetaMethod[Any], instance: Instance) -> int:
    held = Held()
    with torch.autograd.graph.saved_tensors_hooks(held.pack, lambda saved: saved.tensor):
        method.solve(instance.theta, instance.tasks)
    return held.most


def method(name: str, instance: Instance, steps: int) -> MetaMethod[Any]:
    solver = GradientDescent(steps, 0.1)
    plain = PlainDescent(instance.problem, solver)
    if name == "imaml":
        return ImplicitGradient(ProximalAdaptation(instance.problem, solver, LAM), ConjugateGradient(3))
    return {"maml": UnrolledGradient, "fomaml": FirstOrderGradient, "reptile": Reptile}[name](plain)


@pytest.mark.parametrize("name", ["imaml", "fomaml", "reptile"])
def test_what_depends_on_the_end_of_the_path_alone_does_not_hold_the_path(name: str) -> None:
    instance = smooth()
    few, many = (peak(method(name, instance, steps), instance) for steps in (8, 64))
    assert 0 < many <= 1.05 * few


def test_the_unrolled_gradient_holds_every_step() -> None:
    instance = smooth()
    few, many = (peak(method("maml", instance, steps), instance) for steps in (8, 64))
    assert many >= 6 * few
