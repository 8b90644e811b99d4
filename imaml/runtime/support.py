"""What is learned from: examples with their labels, or with numbers, in an order of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.graphs import Array

Examples = NDArray[Any]
"""Images [n, channels, height, width] of uint8, or vectors [n, length] of float32 as they came."""


class SupportError(ValueError):
    """A support set that cannot be learned from; the message is a sentence for the caller."""


@dataclass(frozen=True)
class Support:
    """A support set in canonical order, so that φ does not depend on the order in which it came."""

    examples: Examples
    targets: Array
    """Rows [n, ways], one-hot but weighted so that every class weighs the same and all sum to 1; or numbers
    [n, 1]."""
    classes: tuple[str, ...]
    """Sorted labels; none where the targets are numbers."""
    order: tuple[int, ...]
    """Where each example was in what came."""

    @classmethod
    def of(cls, examples: Examples, labels: Sequence[str]) -> "Support":
        """Sort examples by label, then by content."""
        order = _order(examples, labels)
        classes = tuple(sorted(set(labels)))
        positions = {label: position for position, label in enumerate(classes)}
        sorted_labels = np.array([positions[labels[i]] for i in order], np.int64)
        counts = np.bincount(sorted_labels, minlength=len(classes))
        one_hot = np.eye(len(classes), dtype=np.float32)[sorted_labels]
        targets = (one_hot / (counts * len(classes))).astype(np.float32)
        return cls(examples[order], targets, classes, tuple(order))

    @classmethod
    def of_numbers(cls, examples: Examples, numbers: Sequence[float]) -> "Support":
        """Sort examples by the number that belongs to each, then by content."""
        order = _order(examples, numbers)
        targets = np.array([numbers[i] for i in order], np.float32)[:, None]
        return cls(examples[order], targets, (), tuple(order))

    def without(self, index: int) -> "Support":
        """All but one example, of which its class must have others; the classes weigh the same again."""
        kept = np.delete(np.arange(len(self.examples)), index)
        targets = self.targets[kept]
        targets = (targets / (targets.sum(0) * len(self.classes))).astype(np.float32)
        return Support(self.examples[kept], targets, self.classes, tuple(self.order[i] for i in kept))

    @property
    def labels(self) -> NDArray[np.int64]:
        """Positions in `classes` [n], ascending."""
        return self.targets.argmax(1)

    @property
    def shots(self) -> float:
        """Mean number of examples of a class."""
        return len(self.examples) / max(len(self.classes), 1)


def _order(examples: Examples, targets: Sequence[Any]) -> list[int]:
    return sorted(range(len(targets)), key=lambda i: (targets[i], examples[i].tobytes()))
