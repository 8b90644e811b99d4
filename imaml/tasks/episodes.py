"""Episodes: small classification tasks of a few classes and a few examples, drawn from a data set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imaml.tasks.dataset import DataError, Dataset


class Episodes(NamedTuple):
    """A batch of T tasks with K classes, S examples of each to learn from and Q to be judged by.

    Images are float32 between 0 and 1. Targets are one-hot rows divided by their number, so that they sum to
    1 over a task. In each task the examples of class 0 come first, then those of class 1, and so on.
    """

    support: Tensor
    """[T, K * S, 1, 28, 28]"""
    support_targets: Tensor
    """[T, K * S, K]"""
    query: Tensor
    """[T, K * Q, 1, 28, 28]"""
    query_targets: Tensor
    """[T, K * Q, K]"""
    query_labels: Tensor
    """[T, K * Q], int64"""


class EpisodeSampler:
    """Draws episodes from the images of some classes, which it keeps once, on the device, as bytes.

    Task t of step s depends on (seed, s, t) alone, however the tasks are cut into batches or over processes.
    """

    def __init__(
        self,
        dataset: Dataset,
        classes: Sequence[str],
        ways: int,
        shots: int,
        queries: int,
        seed: int,
        rotations: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        """Keeps those `classes` that have enough images; with `rotations`, quarter turns make more of them.

        Raises DataError where a class is unknown, or fewer than `ways` have `shots` + `queries` images.
        """
        if min(ways - 1, shots, queries) < 1:
            asked = f"{ways} ways, {shots} shots and {queries} queries"
            raise DataError(f"{asked} make no task; ask for at least 2 ways, 1 shot and 1 query.")
        self.ways, self.shots, self.queries, self.seed = ways, shots, queries, seed
        chosen = _large_enough(dataset, classes, ways, shots + queries, 4 if rotations else 1)
        counts = dataset.counts[chosen]
        images = torch.as_tensor(np.concatenate([_images(dataset, c) for c in chosen]), device=device)
        turns = range(4 if rotations else 1)
        self._images = torch.cat([torch.rot90(images, turn, (2, 3)) for turn in turns])
        self._counts = np.tile(counts, len(turns))
        self._starts = np.cumsum(self._counts) - self._counts

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step."""
        indices = torch.as_tensor(self.indices(step, tasks, first_task), device=self._images.device)
        support, support_targets, _ = self._gather(indices[:, :, : self.shots])
        query, query_targets, query_labels = self._gather(indices[:, :, self.shots :])
        return Episodes(support, support_targets, query, query_targets, query_labels)

    def indices(self, step: int, tasks: int, first_task: int = 0) -> NDArray[np.int64]:
        """Which images the same tasks have: [tasks, ways, shots + queries]; with support images first."""
        drawn = np.empty((tasks, self.ways), np.int64)
        order = np.empty((tasks, self.ways, self._counts.max()))
        for task in range(tasks):
            # A counter-based generator: each task has a stretch of 2^128 numbers of its own.
            counter = [0, 0, step, first_task + task]
            random = np.random.Generator(np.random.Philox(counter=counter, key=self.seed))
            drawn[task] = random.choice(self._counts.size, self.ways, replace=False)
            order[task] = random.random(order.shape[1:])
        order[np.arange(order.shape[2]) >= self._counts[drawn][:, :, None]] = np.inf
        return self._starts[drawn][:, :, None] + order.argsort(axis=2)[:, :, : self.shots + self.queries]

    def _gather(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images, targets and labels for `indices` [tasks, ways, examples]."""
        tasks, ways, examples = indices.shape
        images = self._images[indices.flatten(1)].float() / 255
        labels = torch.arange(ways, device=indices.device).repeat_interleave(examples)
        targets = torch.nn.functional.one_hot(labels, ways).float() / labels.numel()
        return images, targets.expand(tasks, -1, -1), labels.expand(tasks, -1)


def _images(dataset: Dataset, index: int) -> NDArray[np.uint8]:
    return dataset.images[dataset.offsets[index] : dataset.offsets[index + 1]]


def _large_enough(
    dataset: Dataset, classes: Sequence[str], ways: int, examples: int, copies: int
) -> list[int]:
    """Positions of those `classes` that have as many `examples`, if their `copies` make `ways` classes."""
    positions = {name: index for index, name in enumerate(dataset.class_names)}
    unknown = [name for name in classes if name not in positions]
    if unknown:
        raise DataError(f"{dataset.source} has no class {unknown[0]}; this split was made from other data.")
    counts = dataset.counts
    chosen = [positions[name] for name in classes if counts[positions[name]] >= examples]
    if copies * len(chosen) < ways:
        largest = max((int(counts[positions[name]]) for name in classes), default=0)
        raise DataError(
            f"{ways} ways with {examples} images of each were asked for, but of {len(classes)} classes of "
            f"{dataset.source} only {len(chosen)} have that many, the largest {largest}; ask for fewer."
        )
    return chosen
