"""Classes of vectors that a program makes: a model on vectors has something to learn from without any files.

In each task the classes differ in a few features, and all others are noise of any size, as columns of tables
often are. Which features count is another thing to learn in every task: the nearest prototype, to which all
features are alike, cannot.
"""

import hashlib
from math import log

import numpy as np
import torch

from imaml.runtime.inputs import Vectors
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import Episodes, check_size, class_targets, generators

LENGTH = 16
_VERSION = 1
_INFORMATIVE = 4  # features in which classes differ
_WITHIN = 0.5  # standard deviation within a class in these, where the classes' own is 1
_NOISE = (0.3, 3.0)  # standard deviation of any other feature


def dataset() -> Dataset:
    """A data set without examples and classes; a sampler makes them."""
    fingerprint = hashlib.sha256(f"clusters {_VERSION}".encode()).hexdigest()
    return Dataset(
        name="clusters",
        examples=np.empty((0, LENGTH), np.float32),
        class_names=(),
        offsets=np.zeros(1, np.int64),
        source="clusters",
        fingerprint=fingerprint,
        input=Vectors((0.0,) * LENGTH, (1.0,) * LENGTH),
    )


class ClusterSampler:
    """Draws tasks of normally distributed classes; task t of step s depends on (seed, s, t) alone."""

    def __init__(
        self, ways: int, shots: int, queries: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        """Raises DataError where there are fewer than two classes, or no support or query vector."""
        check_size(ways, shots, queries)
        self.ways, self.shots, self.queries, self.seed = ways, shots, queries, seed
        self._device = device

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step."""
        drawn = np.stack([self._task(random) for random in generators(self.seed, step, tasks, first_task)])
        vectors = torch.as_tensor(drawn, device=self._device)
        support, query = vectors[:, :, : self.shots].flatten(1, 2), vectors[:, :, self.shots :].flatten(1, 2)
        support_targets, _ = class_targets(self.ways, self.shots, self._device)
        query_targets, labels = class_targets(self.ways, self.queries, self._device)
        return Episodes(
            support,
            support_targets.expand(tasks, -1, -1),
            query,
            query_targets.expand(tasks, -1, -1),
            labels.expand(tasks, -1),
        )

    def _task(self, random: np.random.Generator) -> np.ndarray:
        """Vectors [ways, shots + queries, LENGTH] of one task."""
        informative = random.permutation(LENGTH) < _INFORMATIVE
        noise = np.exp(random.uniform(log(_NOISE[0]), log(_NOISE[1]), LENGTH))
        means = random.normal(0, 1, (self.ways, 1, LENGTH)) * informative
        within = random.normal(0, 1, (self.ways, self.shots + self.queries, LENGTH))
        return (means + within * np.where(informative, _WITHIN, noise)).astype(np.float32)
