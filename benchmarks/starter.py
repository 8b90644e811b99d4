"""The starter model, and tasks of characters that it has never seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

import torch
from torch import Tensor

from imaml import tasks
from imaml.runtime.inputs import Images
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.settings import Settings
from imaml.store import Bundle, bundles
from imaml.tasks import DataError, Dataset
from imaml.tasks.episodes import EpisodeSampler

FILE = files("imaml") / "starter.imaml"


def bundle() -> Bundle:
    """All of it."""
    return bundles.read(FILE.read_bytes())


def load(bundle: Bundle, threads: int = 1) -> MetaModel:
    """As the service has it."""
    return MetaModel.load(bundle.description, bundle.parameters, bundle.graphs, threads)


def trainers_recipe(bundle: Bundle) -> Recipe:
    """The one that θ was trained with, with which the others were compared."""
    return Recipe(**bundle.description["recipes"][0]["recipe"])


@dataclass(frozen=True)
class Task:
    """A support set with questions."""

    support: Support
    known: Images
    """Of its classes, one class after the other."""
    unknown: Images
    """Of as many other classes."""


@dataclass(frozen=True)
class Source:
    """Where tasks come from."""

    dataset: Dataset
    classes: Sequence[str]

    @classmethod
    def test(cls, bundle: Bundle) -> "Source":
        """The test characters of the model's split of Omniglot. Raises DataError where they are missing."""
        path = Settings().data
        if path is None:
            raise DataError(
                "it needs Omniglot's background set; say where its folder or archive lies with IMAML_DATA."
            )
        return cls(tasks.load("omniglot", path), bundle.description["split"]["test"])

    def tasks(self, ways: int, shots: int, queries: int, count: int) -> Iterator[Task]:
        """So many tasks, the same each time."""
        sampler = EpisodeSampler(self.dataset, self.classes, 2 * ways, shots, queries, seed=1)
        labels = [f"{k:02d}" for k in range(ways) for _ in range(shots)]
        for index in range(count):
            batch = sampler.batch(0, 1, index)
            support, query = _images(batch.support), _images(batch.query)
            known, unknown = query[: ways * queries], query[ways * queries :]
            yield Task(Support.of(support[: ways * shots], labels), known, unknown)


def _images(inputs: Tensor) -> Images:
    """The bytes from which a task's inputs were made."""
    return (255 * inputs[0]).round().to(torch.uint8).numpy()
