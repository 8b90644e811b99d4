"""Which tasks a run trains on and is judged by."""

from collections.abc import Sequence
from typing import Protocol

import torch

from imaml.runtime.inputs import Drawings
from imaml.tasks.clusters import ClusterSampler
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import Episodes, EpisodeSampler
from imaml.tasks.mixture import MixtureSampler, Sampler
from imaml.tasks.sinusoid import SinusoidSampler
from imaml.training.config import TrainingConfig

TRAINING = 2**62  # parts tasks that are trained on from those of evaluation, where no classes do
MIXED_WAYS, MIXED_SHOTS = (2, 5, 10, 20), (1, 2, 5, 10)


class TrainingSampler(Protocol):
    """Draws the tasks of each meta-step."""

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step."""
        ...


def training_sampler(
    config: TrainingConfig, dataset: Dataset, classes: Sequence[str], device: torch.device
) -> TrainingSampler:
    """The tasks of a run. Raises DataError where the data are too few for them."""
    # Reptile has no queries: as in its paper, the inner loop learns from more examples than are given later.
    more = config.queries if config.algorithm == "reptile" else 0
    sizes = [
        (ways, shots + more)
        for ways in _mixed(config.ways, config.max_ways, MIXED_WAYS)
        for shots in _mixed(config.shots, config.max_shots, MIXED_SHOTS)
    ]
    if not dataset.class_names:
        samplers = [
            _generator(dataset, *size, config.queries, config.seed ^ TRAINING, device) for size in sizes
        ]
    else:
        drawn = isinstance(dataset.input, Drawings)
        first = EpisodeSampler(
            dataset,
            classes,
            *sizes[0],
            config.queries,
            seed=config.seed,
            rotations=drawn,
            augment=config.augment,
            device=device,
        )
        samplers = [first.sized(*size) for size in sizes]
    return samplers[0] if len(samplers) == 1 else MixtureSampler(samplers, config.seed)


def evaluation_sampler(
    dataset: Dataset,
    classes: Sequence[str],
    ways: int,
    shots: int,
    queries: int,
    seed: int,
    device: torch.device,
) -> Sampler:
    """Tasks to be judged by. Raises DataError where the data are too few for them."""
    if not dataset.class_names:
        return _generator(dataset, ways, shots, queries, seed, device)
    return EpisodeSampler(dataset, classes, ways, shots, queries, seed=seed, device=device)


def _generator(
    dataset: Dataset, ways: int, shots: int, queries: int, seed: int, device: torch.device
) -> Sampler:
    """The tasks that a program makes."""
    if dataset.task == "regression":
        return SinusoidSampler(shots, queries, seed, device)
    return ClusterSampler(ways, shots, queries, seed, device)


def _mixed(least: int, most: int | None, usual: Sequence[int]) -> list[int]:
    """The usual settings from `least` to `most`, both included."""
    most = most or least
    return sorted({least, most, *(value for value in usual if least < value < most)})
