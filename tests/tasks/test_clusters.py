"""Classes that a program makes: four features tell them apart, each task's own, whatever the batch."""

import pytest
import torch

from imaml.tasks import load
from imaml.tasks.clusters import LENGTH, ClusterSampler
from imaml.tasks.dataset import DataError
from imaml.tasks.split import Split, split


def test_classes_differ_in_four_features_which_every_task_chooses() -> None:
    batch = ClusterSampler(ways=8, shots=200, queries=1, seed=0).batch(0, 20)
    means = batch.support.unflatten(1, (8, 200)).mean(2)  # [tasks, ways, LENGTH]
    within = batch.support.unflatten(1, (8, 200)).std(2).mean(1)
    apart = means.std(1) / within
    informative = apart > 0.5
    assert (informative.sum(1) == 4).all()
    assert len({tuple(row.tolist()) for row in informative}) > 15
    assert torch.allclose(within[informative], torch.tensor(0.5), atol=0.05)
    assert 0.25 < within[~informative].min() < 0.5
    assert 2 < within[~informative].max() < 3.3


def test_a_task_is_the_same_however_batches_are_cut() -> None:
    sampler = ClusterSampler(3, 2, 4, seed=5)
    whole = sampler.batch(7, 5)
    first, rest = sampler.batch(7, 2), sampler.batch(7, 3, 2)
    for together, *parts in zip(whole, first, rest, strict=True):
        assert torch.equal(together, torch.cat(parts))


def test_shapes_targets_and_labels() -> None:
    batch = ClusterSampler(3, 2, 4, seed=0).batch(0, 5)
    assert batch.support.shape == (5, 6, LENGTH)
    assert batch.query.shape == (5, 12, LENGTH)
    assert torch.allclose(batch.support_targets.sum((1, 2)), torch.ones(5))
    assert torch.equal(batch.query_targets.argmax(2), batch.query_labels)


@pytest.mark.parametrize(("ways", "shots", "queries"), [(1, 1, 1), (2, 0, 1), (2, 1, 0)])
def test_what_makes_no_task_is_refused(ways: int, shots: int, queries: int) -> None:
    with pytest.raises(DataError, match=f"{ways} ways, {shots} shots and {queries} queries make no task"):
        ClusterSampler(ways, shots, queries, seed=0)


def test_the_data_set_has_no_examples_and_nothing_to_split() -> None:
    dataset = load("clusters")
    assert dataset.task == "classification"
    assert dataset.input.shape == (LENGTH,)
    assert split(dataset, seed=0) == Split((), (), ())
