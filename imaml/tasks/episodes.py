"""Episodes: small classification tasks of a few classes and a few examples, drawn from a data set."""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imaml.runtime.inputs import Vectors
from imaml.tasks.augmentation import NUMBERS, augmented
from imaml.tasks.dataset import DataError, Dataset


class Episodes(NamedTuple):
    """A batch of T tasks with K classes, S examples of each to learn from and Q to be judged by.

    Examples are float32 as a network takes them: images [channels, height, width] between 0 and 1, or
    standardised vectors [length]. Targets are one-hot rows divided by their number, so that they sum to 1
    over a task. In each task the examples of class 0 come first, then those of class 1, and so on.
    """

    support: Tensor
    """[T, K * S, *shape]"""
    support_targets: Tensor
    """[T, K * S, K]; for regression [T, S, 1], the numbers themselves"""
    query: Tensor
    """[T, K * Q, *shape]"""
    query_targets: Tensor
    """[T, K * Q, K]; for regression [T, Q, 1], the numbers themselves"""
    query_labels: Tensor
    """[T, K * Q], int64"""


class EpisodeSampler:
    """Draws episodes from the examples of some classes, which it keeps once, on the device; images as bytes.

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
        augment: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        """Draws from those `classes` that have enough examples.

        Images alone can be made more: with `rotations`, quarter turns make four classes of each; with
        `augment`, each image is mirrored or not and shifted a little.

        Raises DataError where a class is unknown, or fewer than `ways` have `shots` + `queries` examples.
        """
        vectors = isinstance(dataset.input, Vectors)
        if vectors and (rotations or augment):
            raise DataError(
                f"{dataset.source} has vectors, which cannot be turned or mirrored as images can."
            )
        self.seed = seed
        self._source, self._classes, self._augment = dataset.source, len(classes), augment
        examples = dataset.of(classes)
        stored = torch.as_tensor(dataset.input.to_input(examples) if vectors else examples, device=device)
        turns = range(4 if rotations else 1)
        self._examples = (
            torch.cat([torch.rot90(stored, turn, (2, 3)) for turn in turns]) if rotations else stored
        )
        self._counts = np.tile(dataset.counts[dataset.positions(classes)], len(turns))
        self._starts = np.cumsum(self._counts) - self._counts
        self._take(ways, shots, queries)

    def sized(self, ways: int, shots: int) -> "EpisodeSampler":
        """Draws tasks of another size from the same examples, which are not copied.

        Raises DataError where there are too few for them.
        """
        other = copy(self)
        other._take(ways, shots, self.queries)
        return other

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step."""
        drawn, numbers = self._drawn(step, tasks, first_task)
        device = self._examples.device
        chosen = torch.as_tensor(drawn, device=device)
        changes = torch.as_tensor(numbers, device=device) if self._augment else None
        support, query = (
            self._gather(chosen[..., part], None if changes is None else changes[..., part, :])
            for part in (slice(self.shots), slice(self.shots, None))
        )
        support_targets, query_targets = (targets.expand(tasks, -1, -1) for targets in self._targets)
        return Episodes(support, support_targets, query, query_targets, self._labels.expand(tasks, -1))

    def indices(self, step: int, tasks: int, first_task: int = 0) -> NDArray[np.int64]:
        """Which examples the same tasks have: [tasks, ways, shots + queries]; with support examples first."""
        return self._drawn(step, tasks, first_task)[0]

    def _take(self, ways: int, shots: int, queries: int) -> None:
        """Sets the size of the tasks and chooses the classes that are large enough for it."""
        check_size(ways, shots, queries)
        self.ways, self.shots, self.queries = ways, shots, queries
        enough = self._counts >= shots + queries
        self._large = np.flatnonzero(enough)
        if self._large.size < ways:
            raise DataError(
                f"{ways} ways with {shots + queries} examples of each were asked for, but of {self._classes} "
                f"classes of {self._source} only {np.count_nonzero(enough[: self._classes])} have that many, "
                f"the largest {self._counts.max(initial=0)}; ask for fewer."
            )
        device = self._examples.device
        support_targets, _ = class_targets(ways, shots, device)
        query_targets, self._labels = class_targets(ways, queries, device)
        self._targets = support_targets, query_targets

    def _drawn(self, step: int, tasks: int, first_task: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Examples [tasks, ways, shots + queries], and for each what `augmented` takes [..., NUMBERS]."""
        ways, examples = self.ways, self.shots + self.queries
        size = 2 * ways, 2 * ways * examples, NUMBERS * ways * examples * self._augment
        random = np.stack([each.random(sum(size)) for each in generators(self.seed, step, tasks, first_task)])
        of_classes, of_examples, of_changes = np.split(random, np.cumsum(size)[:2], axis=1)
        classes = self._large[_choose(np.array(self._large.size), of_classes.reshape(tasks, 2, ways))]
        places = _choose(self._counts[classes], of_examples.reshape(tasks, ways, 2, examples))
        changes = of_changes.reshape(tasks, ways, -1, NUMBERS).astype(np.float32)
        return self._starts[classes][..., None] + places, changes

    def _gather(self, chosen: Tensor, changes: Tensor | None) -> Tensor:
        """The examples [tasks, ways * n, *shape] that `chosen` [tasks, ways, n] tells."""
        examples = self._examples.index_select(0, chosen.flatten())
        if changes is not None:
            examples = augmented(examples, changes.flatten(0, -2))
        if examples.dtype == torch.uint8:
            examples = examples.float().div_(255)
        return examples.unflatten(0, (len(chosen), -1))


def check_size(ways: int, shots: int, queries: int) -> None:
    """Raise DataError unless tasks of this size can be learned from and judged by."""
    if min(ways - 1, shots, queries) < 1:
        asked = f"{ways} ways, {shots} shots and {queries} queries"
        raise DataError(f"{asked} make no task; ask for at least 2 ways, 1 shot and 1 query.")


def class_targets(ways: int, examples: int, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """One-hot rows that sum to 1, and labels, of as many examples of each class, class after class."""
    labels = torch.arange(ways, device=device).repeat_interleave(examples)
    return torch.nn.functional.one_hot(labels, ways).float() / len(labels), labels


def generators(seed: int, step: int, tasks: int, first_task: int) -> Iterator[np.random.Generator]:
    """Random numbers for each task of a step; valid until the next task's are asked for."""
    philox = np.random.Philox(counter=[0, 0, step, 0], key=seed)
    fresh, random = philox.state, np.random.Generator(philox)
    for task in range(first_task, first_task + tasks):
        # A counter-based generator: each task has a stretch of 2^128 numbers of its own.
        fresh["state"]["counter"][3] = task
        philox.state = fresh
        yield random


def _choose(counts: NDArray[np.int64], random: NDArray[np.float64]) -> NDArray[np.int64]:
    """Different numbers below `counts` [...] in random order, as many as `random` [..., 2, n] has columns.

    R. W. Floyd's algorithm (CACM 30(9), 1987), for all rows at once, then a shuffle.
    """
    shares, keys = random[..., 0, :], random[..., 1, :]
    n = shares.shape[-1]
    chosen = np.empty(shares.shape, np.int64)
    for index in range(n):
        last = counts - n + index
        candidate = (shares[..., index] * (last + 1)).astype(np.int64)
        taken = (chosen[..., :index] == candidate[..., None]).any(axis=-1)
        chosen[..., index] = np.where(taken, last, candidate)
    return np.take_along_axis(chosen, keys.argsort(axis=-1), axis=-1)
