"""Episodes are drawn evenly, support and query apart, each by its own number alone."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from imaml.runtime.inputs import Photos, Vectors
from imaml.tasks.dataset import DataError, Dataset, grouped
from imaml.tasks.episodes import Episodes, EpisodeSampler

ALL = tuple(f"class {c}" for c in range(10))


def sampler(
    dataset: Dataset,
    classes: Sequence[str] = ALL,
    ways: int = 5,
    shots: int = 1,
    queries: int = 2,
    seed: int = 0,
    rotations: bool = False,
) -> EpisodeSampler:
    """A sampler of small episodes."""
    return EpisodeSampler(dataset, classes, ways, shots, queries, seed, rotations)


def number(images: Tensor, row: int, column: int) -> Tensor:
    """The number that images [..., 1, 28, 28] carry at a place."""
    return (images[..., 0, row, column] * 255).round().long()


def class_of(images: Tensor) -> Tensor:
    """The class of upright images of the numbered data set."""
    return number(images, 0, 0)


def values(numbers: Tensor) -> set[int]:
    """All numbers that occur."""
    return {int(number) for number in numbers.flatten()}


def same(one: Episodes, other: Episodes) -> bool:
    """Whether every tensor is equal."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_shapes_and_types(numbered: Dataset) -> None:
    batch = sampler(numbered, ways=4, shots=2, queries=3).batch(0, 6)
    assert batch.support.shape == (6, 8, 1, 28, 28)
    assert batch.support_targets.shape == (6, 8, 4)
    assert batch.query.shape == (6, 12, 1, 28, 28)
    assert batch.query_targets.shape == (6, 12, 4)
    assert batch.query_labels.shape == (6, 12)
    assert batch.support.dtype == batch.query.dtype == batch.query_targets.dtype == torch.float32
    assert batch.query_labels.dtype == torch.int64
    assert batch.support.min() >= 0
    assert batch.support.max() <= 1


def test_targets_are_one_hot_rows_that_sum_to_one_over_a_task(numbered: Dataset) -> None:
    batch = sampler(numbered, ways=4, shots=2, queries=3).batch(0, 6)
    for targets in (batch.support_targets, batch.query_targets):
        assert torch.allclose(targets.sum((1, 2)), torch.ones(6))
        assert torch.allclose(targets.sum(1), torch.full((6, 4), 1 / 4))
        assert ((targets > 0).sum(2) == 1).all()
    assert torch.equal(batch.query_targets.argmax(2), batch.query_labels)


def test_images_of_a_label_are_of_one_class_and_labels_of_different_classes(numbered: Dataset) -> None:
    batch = sampler(numbered, shots=1, queries=2).batch(3, 50)
    support_class = class_of(batch.support)
    query_class = class_of(batch.query)
    assert torch.equal(query_class, support_class.gather(1, batch.query_labels))
    assert all(len(values(task)) == 5 for task in support_class)


def test_support_and_query_share_no_image(numbered: Dataset) -> None:
    batch = sampler(numbered, shots=1, queries=2).batch(0, 200)
    images = torch.cat([batch.support, batch.query], dim=1)
    identity = 100 * class_of(images) + number(images, 0, -1)
    assert all(len(values(task)) == 15 for task in identity)


def test_a_task_is_the_same_however_batches_are_cut(numbered: Dataset) -> None:
    whole = sampler(numbered).batch(7, 6)
    parts = [sampler(numbered).batch(7, tasks, first) for first, tasks in ((0, 1), (1, 3), (4, 2))]
    assert same(whole, Episodes(*(torch.cat(tensors) for tensors in zip(*parts, strict=True))))


def test_a_task_does_not_depend_on_what_was_drawn_before(numbered: Dataset) -> None:
    used, fresh = sampler(numbered), sampler(numbered)
    used.batch(0, 3)
    assert same(used.batch(1, 3), fresh.batch(1, 3))


def test_seed_step_and_task_make_different_tasks(numbered: Dataset) -> None:
    drawn = [
        sampler(numbered, seed=seed).indices(step, 1, task)
        for seed in range(3)
        for step in range(3)
        for task in range(3)
    ]
    assert len({indices.tobytes() for indices in drawn}) == 27


def test_classes_and_images_are_drawn_evenly(numbered: Dataset) -> None:
    indices = sampler(numbered, ways=5, shots=1, queries=1).indices(0, 4000)
    for position in (0, 1):
        drawn = np.bincount(indices[:, :, position].ravel(), minlength=len(numbered.examples))
        expected = np.repeat(4000 * 5 / 10 / numbered.counts, numbered.counts)
        assert np.abs(drawn - expected).max() < 5 * np.sqrt(expected.max())
        assert (np.abs(drawn - expected) < 5 * np.sqrt(expected)).all()


def test_classes_come_under_every_label(numbered: Dataset) -> None:
    batch = sampler(numbered).batch(0, 1000)
    support_class = class_of(batch.support)
    for label in range(5):
        drawn = torch.bincount(support_class[:, label], minlength=10)
        assert drawn.min() > 50  # 100 expected
        assert drawn.max() < 150


def test_only_the_given_classes_are_drawn(numbered: Dataset) -> None:
    batch = sampler(numbered, classes=["class 8", "class 2", "class 5"], ways=3).batch(0, 50)
    assert values(class_of(batch.query)) == {2, 5, 8}


def test_classes_without_enough_images_are_left_out(numbered: Dataset) -> None:
    batch = sampler(numbered, ways=2, shots=5, queries=5).batch(0, 100)
    assert values(class_of(batch.support)) == {7, 8, 9}


def test_without_rotations_images_stay_upright(numbered: Dataset) -> None:
    batch = sampler(numbered).batch(0, 100)
    assert (number(batch.support, 0, 13) == 255).all()
    assert (number(batch.query, 0, 13) == 255).all()


def test_with_rotations_a_class_counts_as_four_each_turned_one_way(numbered: Dataset) -> None:
    batch = sampler(numbered, rotations=True).batch(0, 400)
    images = torch.cat([batch.support, batch.query], dim=1)
    top, left, bottom, right = ((0, 13), (13, 0), (27, 13), (13, 27))
    turn = torch.stack([number(images, *place) for place in (top, left, bottom, right)], dim=-1).argmax(
        dim=-1
    )
    labels = torch.cat([torch.arange(5).expand(400, -1), batch.query_labels], dim=1)
    for label in range(5):
        turns = turn[labels == label].reshape(400, 3)
        assert (turns == turns[:, :1]).all()
    assert torch.bincount(turn.flatten(), minlength=4).min() > 400 * 15 / 8


def test_rotations_are_enough_for_more_ways_than_classes(numbered: Dataset) -> None:
    batch = sampler(numbered, classes=["class 3", "class 4"], ways=8, rotations=True).batch(0, 1)
    assert len({image.numpy().tobytes() for image in batch.support[0]}) == 8
    with pytest.raises(DataError, match="9 ways"):
        sampler(numbered, classes=["class 3", "class 4"], ways=9, rotations=True)


def test_too_many_ways_are_told_how_many_there_are(numbered: Dataset) -> None:
    with pytest.raises(DataError, match=r"11 ways .*of 10 classes of numbered only 10"):
        sampler(numbered, ways=11)


def test_too_many_examples_are_told_how_many_there_are(numbered: Dataset) -> None:
    with pytest.raises(DataError, match=r"5 ways with 11 examples .* only 2 have that many, the largest 12"):
        sampler(numbered, shots=1, queries=10)


@pytest.mark.parametrize(("ways", "shots", "queries"), [(1, 1, 1), (2, 0, 1), (2, 1, 0)])
def test_what_makes_no_task_is_refused(numbered: Dataset, ways: int, shots: int, queries: int) -> None:
    with pytest.raises(DataError, match=f"{ways} ways, {shots} shots and {queries} queries"):
        sampler(numbered, ways=ways, shots=shots, queries=queries)


def test_a_class_of_other_data_is_named(numbered: Dataset) -> None:
    with pytest.raises(DataError, match="numbered has no class Latin/character01"):
        sampler(numbered, classes=[*ALL, "Latin/character01"])


def photos(side: int = 20) -> Dataset:
    """Four classes of six images in colour that are nowhere alike."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 3, side, side), np.uint8)
    return grouped("photos", pixels, list("abcd"), [6] * 4, Photos(3, side, side))


def vectors() -> Dataset:
    """Four classes of six vectors, seen with a mean and scales of their own."""
    numbers = np.random.default_rng(0).normal(5, 3, (24, 7)).astype(np.float32)
    return grouped("vectors", numbers, list("abcd"), [6] * 4, Vectors((5.0,) * 7, (3.0,) * 6 + (0.0,)))


@pytest.mark.parametrize("dataset", [photos(), vectors()])
def test_examples_of_any_shape_are_given_as_a_network_takes_them(dataset: Dataset) -> None:
    drawn = EpisodeSampler(dataset, "bcd", 3, 2, 4, seed=0)
    batch, indices = drawn.batch(2, 5), drawn.indices(2, 5)
    expected = torch.from_numpy(dataset.input.to_input(dataset.of("bcd")))
    assert batch.support.shape == (5, 6, *dataset.input.shape)
    assert torch.equal(batch.support, expected[indices[:, :, :2].reshape(5, 6)])
    assert torch.equal(batch.query, expected[indices[:, :, 2:].reshape(5, 12)])


@pytest.mark.parametrize("option", ["rotations", "augment"])
def test_vectors_are_not_turned_or_mirrored(option: str) -> None:
    with pytest.raises(DataError, match="vectors has vectors"):
        EpisodeSampler(vectors(), "abcd", 3, 1, 1, 0, **{option: True})


def test_augmentation_changes_the_images_and_not_which_they_are() -> None:
    plain = EpisodeSampler(photos(), "abcd", 3, 2, 3, seed=0)
    augmenting = EpisodeSampler(photos(), "abcd", 3, 2, 3, seed=0, augment=True)
    assert np.array_equal(plain.indices(4, 9), augmenting.indices(4, 9))
    before, after = plain.batch(4, 40), augmenting.batch(4, 40)
    for original, changed in ((before.support, after.support), (before.query, after.query)):
        middle = original[..., 2:-2, 2:-2]
        shifts = [changed[..., 2 + d : 18 + d, 2 + r : 18 + r] for d in range(-2, 3) for r in range(-2, 3)]
        found = [
            (candidate == middle).flatten(2).all(2)
            for shift in shifts
            for candidate in (shift, shift.flip(-1))
        ]
        seen = torch.stack(found).double().sum(0)
        assert torch.equal(seen, torch.ones_like(seen))
        share = torch.stack(found).flatten(1).double().mean(1)
        assert 0.35 < share[::2].sum() < 0.65


def test_augmented_tasks_are_the_same_however_batches_are_cut() -> None:
    drawn = EpisodeSampler(photos(), "abcd", 3, 2, 3, seed=0, augment=True)
    parts = [drawn.batch(7, tasks, first) for first, tasks in ((0, 1), (1, 3))]
    assert same(drawn.batch(7, 4), Episodes(*(torch.cat(tensors) for tensors in zip(*parts, strict=True))))


def test_every_image_of_a_task_can_be_augmented_otherwise() -> None:
    flat = np.repeat(np.random.default_rng(0).integers(0, 256, (4, 3, 40, 40), np.uint8), 6, axis=0)
    alike = grouped("alike", flat, list("abcd"), [6] * 4, Photos(3, 40, 40))
    batch = EpisodeSampler(alike, "abcd", 2, 3, 3, seed=0, augment=True).batch(0, 1)
    assert len({image.numpy().tobytes() for image in torch.cat([batch.support, batch.query], 1)[0]}) > 8


def test_classes_much_larger_than_others_are_drawn_evenly() -> None:
    numbers = np.arange(1005, dtype=np.float32)[:, None]
    lopsided = grouped("lopsided", numbers, ["few", "many"], [5, 1000], Vectors((0.0,), (1.0,)))
    indices = EpisodeSampler(lopsided, ["few", "many"], 2, 2, 3, seed=0).indices(0, 2000)
    of_few = (indices < 5).all(axis=2)
    assert np.array_equal(of_few.sum(axis=1), np.ones(2000))
    assert np.array_equal(np.sort(indices[of_few], axis=1), np.tile(np.arange(5), (2000, 1)))
    drawn = np.bincount(indices[~of_few].ravel() - 5, minlength=1000)  # 10 expected of each
    assert 0.8 < drawn.var() / drawn.mean() < 1.2
    for place in range(5):
        first_half = (indices[~of_few][:, place] < 505).mean()
        assert abs(first_half - 0.5) < 0.06
