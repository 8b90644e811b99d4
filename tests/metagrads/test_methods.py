"""What all methods share: means over tasks, repeatable answers, and the symmetries of the problem."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from imaml.tasks.episodes import Episodes
from tests.metagrads.registry import METHODS, PROBLEMS, TASKS, WITHOUT_NOISE, Instance, smooth

Make = Callable[[Instance], Any]
every_method = pytest.mark.parametrize("make", METHODS.values(), ids=METHODS.keys())
every_problem = pytest.mark.parametrize(
    "instance", [make() for make in PROBLEMS.values()], ids=PROBLEMS.keys()
)


@every_method
@every_problem
def test_a_batch_is_the_mean_of_its_tasks_wherever_it_is_cut(make: Make, instance: Instance) -> None:
    method = make(instance)
    together = method.solve(instance.theta, instance.tasks, step=3)
    cut = [(0,), (1, 2)]
    pieces = [method.solve(instance.theta, instance.some(*tasks), 3, tasks[0]) for tasks in cut]
    value = torch.stack([len(tasks) * piece.value for tasks, piece in zip(cut, pieces, strict=True)])
    assert torch.allclose(together.value, value.sum(0) / TASKS, atol=1e-12, rtol=1e-10)
    outer = torch.cat([piece.outer_losses for piece in pieces])
    assert torch.allclose(together.outer_losses, outer, atol=1e-12)
    if together.lam_gradient is not None:
        lam = torch.stack([len(t) * piece.lam_gradient for t, piece in zip(cut, pieces, strict=True)])
        assert torch.allclose(together.lam_gradient, lam.sum(0) / TASKS, atol=1e-12)


@every_method
def test_answers_repeat_and_hold_no_graph(make: Make) -> None:
    instance = smooth()
    theta = instance.theta.clone().requires_grad_()
    first, second = (make(instance).solve(theta, instance.tasks, step=1) for _ in range(2))
    assert torch.equal(first.value, second.value)
    assert first.value.shape == theta.shape
    assert not any(tensor.requires_grad for tensor in tensors(first))
    assert theta.grad is None


def tensors(record: Any) -> list[Tensor]:
    """All tensors in a nest of dataclasses."""
    if isinstance(record, Tensor):
        return [record]
    if not is_dataclass(record):
        return []
    return [tensor for field in fields(record) for tensor in tensors(getattr(record, field.name))]


@every_method
def test_the_order_of_the_examples_does_not_matter(make: Make) -> None:
    instance = smooth()
    tasks: Episodes = instance.tasks
    order = torch.randperm(tasks.support.shape[1], generator=torch.Generator().manual_seed(1))
    back = torch.randperm(tasks.query.shape[1], generator=torch.Generator().manual_seed(2))
    shuffled = Episodes(
        tasks.support[:, order],
        tasks.support_targets[:, order],
        tasks.query[:, back],
        tasks.query_targets[:, back],
        tasks.query_labels[:, back],
    )
    assert_same(make(instance), instance, shuffled)


@pytest.mark.parametrize("name", WITHOUT_NOISE)
def test_with_a_prototype_head_the_names_of_the_classes_do_not_matter(name: str) -> None:
    instance = smooth()
    tasks: Episodes = instance.tasks
    order = torch.tensor([2, 0, 1])
    relabelled = tasks._replace(
        support_targets=tasks.support_targets[..., order], query_targets=tasks.query_targets[..., order]
    )
    assert_same(METHODS[name](instance), instance, relabelled)


def assert_same(method: Any, instance: Instance, tasks: Episodes) -> None:
    """F and its gradient are the same for other tasks."""
    before, after = (method.solve(instance.theta, batch) for batch in (instance.tasks, tasks))
    assert torch.allclose(before.outer_losses, after.outer_losses, atol=1e-12)
    assert torch.allclose(before.value, after.value, atol=1e-11)
    if before.lam_gradient is not None:
        assert torch.allclose(before.lam_gradient, after.lam_gradient, atol=1e-11)


@every_method
@every_problem
def test_no_step_from_the_centre_is_no_displacement(make: Make, instance: Instance) -> None:
    """At evaluation every method starts from its centre, and takes as many steps as in training."""
    method = make(instance)
    centres = method.adaptation.centres(instance.theta, instance.tasks)
    solution = method.adaptation.solve(centres, instance.tasks)
    assert (solution.steps == method.adaptation.solver.steps).all()
    assert torch.equal(solution.value, centres) == (method.adaptation.solver.steps == 0)
