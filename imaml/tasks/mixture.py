"""Episodes of several sizes: each step draws one of several samplers."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from imaml.tasks.dataset import DataError
from imaml.tasks.episodes import Episodes


class Sampler(Protocol):
    """Draws batches of tasks of one number of ways, shots and queries."""

    ways: int
    shots: int
    queries: int
    seed: int

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step."""
        ...


class MixtureSampler:
    """Draws a sampler for each step, by (seed, step) alone, and lets it draw the tasks."""

    def __init__(self, samplers: Sequence[Sampler], seed: int) -> None:
        """Raises DataError where there is no sampler."""
        if not samplers:
            raise DataError("a mixture of no ways or no shots makes no task; give at least one of each.")
        self._samplers, self.seed = samplers, seed

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step, all of one size."""
        # The tasks' own numbers have 0 in the counter's second place.
        random = np.random.Generator(np.random.Philox(counter=[0, 1, step, 0], key=self.seed))
        sampler = self._samplers[int(random.integers(len(self._samplers)))]
        return sampler.batch(step, tasks, first_task)
