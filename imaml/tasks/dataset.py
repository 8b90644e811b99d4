"""A data set in memory: every example once, in one array, grouped by class."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.inputs import Drawings, Input

Examples = NDArray[Any]
"""Images, uint8 [n, channels, height, width], or vectors, float32 [n, length]."""


class DataError(Exception):
    """Data that cannot be used for what was asked; the message is a sentence for the user."""


@dataclass(frozen=True)
class Split:
    """Class names, sorted, in three parts that share none."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images or vectors that come in classes; without classes, a generator's tasks stand in their place."""

    name: str
    examples: Examples
    """Every example, class after class."""
    class_names: tuple[str, ...]
    offsets: NDArray[np.int64]
    """[classes + 1]: class c has the examples from offsets[c] up to offsets[c + 1]."""
    source: str
    """Where it comes from, as messages call it: a path, or its name."""
    fingerprint: str
    """SHA-256 in hexadecimal over class names, counts and examples: what the data is, wherever it lies."""
    input: Input
    """What a model sees of the examples."""
    parts: Split | None = None
    """The split that belongs to the data, where one does."""
    task: Literal["classification", "regression"] = "classification"
    """What is learned from it."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many examples each class has: [classes]."""
        return np.diff(self.offsets)

    def positions(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Where these classes are among the class names. Raises DataError where one is not."""
        places = {name: index for index, name in enumerate(self.class_names)}
        unknown = [name for name in classes if name not in places]
        if unknown:
            raise DataError(f"{self.source} has no class {unknown[0]}; this split was made from other data.")
        return np.array([places[name] for name in classes], np.int64)

    def of(self, classes: Sequence[str]) -> Examples:
        """The examples of these classes, one class after the other. Raises DataError where one is unknown."""
        rows = [np.arange(*self.offsets[place : place + 2]) for place in self.positions(classes)]
        return self.examples[np.concatenate([np.empty(0, np.int64), *rows])]


def grouped(
    name: str,
    examples: Examples,
    class_names: Sequence[str],
    counts: Sequence[int],
    seen_as: Input,
    source: str | None = None,
    parts: Split | None = None,
) -> Dataset:
    """The data set of `examples` whose first counts[0] belong to class_names[0], and so on."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    digest = hashlib.sha256()
    for class_name, count in zip(class_names, counts, strict=True):
        digest.update(f"{class_name}\n{count}\n".encode())
    if not isinstance(seen_as, Drawings):  # these all have one shape
        digest.update(json.dumps([examples.shape, seen_as.describe()]).encode())
    digest.update(np.ascontiguousarray(examples).data)
    names = tuple(class_names)
    return Dataset(name, examples, names, offsets, source or name, digest.hexdigest(), seen_as, parts)
