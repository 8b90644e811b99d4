"""Regression of sine waves, the toy of "Model-agnostic meta-learning" (Finn, Abbeel and Levine, ICML 2017).

A task is a wave of its own amplitude and phase, to be learned from a few of its points.
"""

import hashlib
from math import pi

import numpy as np
import torch

from imaml.runtime.inputs import Vectors
from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.episodes import Episodes, generators

_VERSION = 1
_AMPLITUDE = (0.1, 5.0)
_PHASE = (0.0, pi)
_X = (-5.0, 5.0)


def dataset() -> Dataset:
    """A data set without examples and classes, which says what the tasks are; a sampler makes them."""
    fingerprint = hashlib.sha256(f"sinusoid {_VERSION}".encode()).hexdigest()
    return Dataset(
        name="sinusoid",
        examples=np.empty((0, 1), np.float32),
        class_names=(),
        offsets=np.zeros(1, np.int64),
        source="sinusoid",
        fingerprint=fingerprint,
        input=Vectors((0.0,), (1.0,)),
        task="regression",
    )


class SinusoidSampler:
    """Draws waves y = a sin(x − p) and points on them; task t of step s depends on (seed, s, t) alone."""

    ways = 1

    def __init__(self, shots: int, queries: int, seed: int, device: torch.device | str = "cpu") -> None:
        """Raises DataError where there is no support or no query point."""
        if min(shots, queries) < 1:
            raise DataError(f"{shots} shots and {queries} queries make no task; ask for at least 1 of each.")
        self.shots, self.queries, self.seed = shots, queries, seed
        self._device = device

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        """The tasks from `first_task` up to `first_task` + `tasks` of this step; their targets are y."""
        points = self.shots + self.queries
        drawn = np.stack(
            [random.random(2 + points) for random in generators(self.seed, step, tasks, first_task)]
        )
        amplitude, phase = _between(_AMPLITUDE, drawn[:, :1]), _between(_PHASE, drawn[:, 1:2])
        x = _between(_X, drawn[:, 2:])
        wave = np.stack([x, amplitude * np.sin(x - phase)])[..., None].astype(np.float32)
        inputs, targets = torch.as_tensor(wave, device=self._device)
        labels = torch.zeros(tasks, self.queries, dtype=torch.int64, device=self._device)
        shots = self.shots
        return Episodes(inputs[:, :shots], targets[:, :shots], inputs[:, shots:], targets[:, shots:], labels)


def _between(bounds: tuple[float, float], shares: np.ndarray) -> np.ndarray:
    low, high = bounds
    return low + (high - low) * shares
