"""A mixture draws every setting, by the step alone, and its tasks are those of the single samplers."""

from collections import Counter

import pytest
import torch

from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.episodes import Episodes, EpisodeSampler
from imaml.tasks.mixture import MixtureSampler

CLASSES = tuple(f"class {c}" for c in range(10))
WAYS, SHOTS = [2, 3, 5], [1, 4]


def mixture(dataset: Dataset, seed: int = 0, rotations: bool = True) -> MixtureSampler:
    """A mixture of six settings."""
    first = EpisodeSampler(dataset, CLASSES, 2, 1, 2, seed, rotations=rotations)
    return MixtureSampler([first.sized(ways, shots) for ways in WAYS for shots in SHOTS], seed)


def setting(batch: Episodes) -> tuple[int, int]:
    """Ways and shots of a batch."""
    ways = batch.support_targets.shape[2]
    return ways, batch.support.shape[1] // ways


def same(one: Episodes, other: Episodes) -> bool:
    """Whether every tensor is equal."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_setting_is_drawn_evenly(numbered: Dataset) -> None:
    sampler = mixture(numbered)
    drawn = Counter(setting(sampler.batch(step, 1)) for step in range(600))
    assert set(drawn) == {(ways, shots) for ways in WAYS for shots in SHOTS}
    assert min(drawn.values()) > 60  # 100 expected


def test_the_setting_depends_on_seed_and_step_alone(numbered: Dataset) -> None:
    settings = [setting(mixture(numbered).batch(step, 4)) for step in range(20)]
    assert settings == [setting(mixture(numbered).batch(step, 1, 3)) for step in range(20)]
    assert settings != [setting(mixture(numbered, seed=1).batch(step, 4)) for step in range(20)]


def test_a_task_is_the_same_however_batches_are_cut(numbered: Dataset) -> None:
    sampler = mixture(numbered)
    for step in range(5):
        parts = [sampler.batch(step, tasks, first) for first, tasks in ((0, 1), (1, 3))]
        joined = Episodes(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        assert same(sampler.batch(step, 4), joined)


def test_tasks_are_those_of_a_sampler_of_one_size(numbered: Dataset) -> None:
    for step in range(10):
        batch = mixture(numbered, seed=3).batch(step, 2)
        alone = EpisodeSampler(numbered, CLASSES, *setting(batch), 2, seed=3, rotations=True)
        assert same(batch, alone.batch(step, 2))


def test_all_settings_share_one_copy_of_the_images(numbered: Dataset) -> None:
    first = EpisodeSampler(numbered, CLASSES, 5, 1, 2, seed=0)
    other = first.sized(3, 4)
    assert other._examples.data_ptr() == first._examples.data_ptr()
    assert (first.ways, first.shots, other.ways, other.shots) == (5, 1, 3, 4)


def test_too_few_data_for_another_size_is_told_at_once(numbered: Dataset) -> None:
    with pytest.raises(DataError, match="11 ways"):
        EpisodeSampler(numbered, CLASSES, 2, 1, 2, seed=0).sized(11, 1)


def test_no_setting_is_refused() -> None:
    with pytest.raises(DataError, match="no ways or no shots"):
        MixtureSampler([], seed=0)
