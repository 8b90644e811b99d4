"""Waves are those of the paper, each with its points by its own number alone."""

import numpy as np
import pytest
import torch

from imaml.runtime.inputs import Vectors
from imaml.tasks import load
from imaml.tasks.dataset import DataError
from imaml.tasks.episodes import Episodes
from imaml.tasks.sinusoid import SinusoidSampler
from imaml.tasks.split import Split, split


def same(one: Episodes, other: Episodes) -> bool:
    """Whether every tensor is equal."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_shapes_and_types() -> None:
    batch = SinusoidSampler(10, 7, seed=0).batch(0, 6)
    assert batch.support.shape == batch.support_targets.shape == (6, 10, 1)
    assert batch.query.shape == batch.query_targets.shape == (6, 7, 1)
    assert batch.query_labels.shape == (6, 7)
    assert not batch.query_labels.any()
    assert all(tensor.dtype == torch.float32 for tensor in batch[:4])


def test_points_of_a_task_lie_on_one_wave_and_bounds_are_the_paper_s() -> None:
    batch = SinusoidSampler(10, 10, seed=3).batch(1, 500)
    x = torch.cat([batch.support, batch.query], 1)[..., 0].double()
    y = torch.cat([batch.support_targets, batch.query_targets], 1)[..., 0].double()
    # a sin(x − p) = (a cos p) sin x − (a sin p) cos x is linear in two unknowns.
    waves = torch.stack([x.sin(), -x.cos()], dim=-1)
    unknown = torch.linalg.lstsq(waves, y[..., None]).solution
    assert torch.allclose(waves @ unknown, y[..., None], atol=1e-4)
    amplitude = unknown[:, :, 0].norm(dim=1)
    phase = torch.atan2(unknown[:, 1, 0], unknown[:, 0, 0])
    for values, low, high in ((x, -5, 5), (amplitude, 0.1, 5), (phase, 0, np.pi)):
        reach = high - low
        assert low - 1e-3 <= values.min() < low + 0.02 * reach
        assert high - 0.02 * reach < values.max() <= high + 1e-3
        assert abs(values.mean() - (low + high) / 2) < 0.05 * reach


def test_a_task_is_the_same_however_batches_are_cut() -> None:
    sampler = SinusoidSampler(3, 2, seed=5)
    parts = [sampler.batch(7, tasks, first) for first, tasks in ((0, 1), (1, 3), (4, 2))]
    assert same(sampler.batch(7, 6), Episodes(*(torch.cat(tensors) for tensors in zip(*parts, strict=True))))


def test_seed_step_and_task_make_different_tasks() -> None:
    drawn = {
        SinusoidSampler(1, 1, seed).batch(step, 1, task).support.item()
        for seed in range(3)
        for step in range(3)
        for task in range(3)
    }
    assert len(drawn) == 27


def test_support_and_query_are_different_points() -> None:
    batch = SinusoidSampler(5, 5, seed=0).batch(0, 10)
    assert len(torch.cat([batch.support, batch.query], 1).unique()) == 100


@pytest.mark.parametrize(("shots", "queries"), [(0, 1), (1, 0)])
def test_what_makes_no_task_is_refused(shots: int, queries: int) -> None:
    with pytest.raises(DataError, match=f"{shots} shots and {queries} queries make no task"):
        SinusoidSampler(shots, queries, seed=0)


def test_the_data_set_has_no_examples_and_says_what_the_task_is() -> None:
    dataset = load("sinusoid")
    assert dataset.task == "regression"
    assert dataset.examples.shape == (0, 1)
    assert dataset.class_names == ()
    assert dataset.counts.size == 0
    assert dataset.input == Vectors((0.0,), (1.0,))
    assert dataset.fingerprint == load("sinusoid").fingerprint
    assert split(dataset, seed=0) == Split((), (), ())
