"""A data set in memory: every image once, in one array, grouped by class."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class DataError(Exception):
    """Data that cannot be used for what was asked; the message is a sentence for the user."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of characters or of anything else that comes in classes."""

    name: str
    images: NDArray[np.uint8]
    """[n, 1, 28, 28], ink 255 on ground 0, the classes one after the other."""
    class_names: tuple[str, ...]
    offsets: NDArray[np.int64]
    """[classes + 1]: class c has the images from offsets[c] up to offsets[c + 1]."""
    source: str
    """Where it comes from, as messages call it: a path, or its name."""
    fingerprint: str
    """SHA-256 in hexadecimal over class names, counts and pixels: what the data is, wherever it came from."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many images each class has: [classes]."""
        return np.diff(self.offsets)


def grouped(
    name: str,
    images: NDArray[np.uint8],
    class_names: Sequence[str],
    counts: Sequence[int],
    source: str | None = None,
) -> Dataset:
    """The data set of `images` [n, 28, 28] whose first counts[0] belong to class_names[0], and so on."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    digest = hashlib.sha256()
    for class_name, count in zip(class_names, counts, strict=True):
        digest.update(f"{class_name}\n{count}\n".encode())
    digest.update(np.ascontiguousarray(images).data)
    names = tuple(class_names)
    return Dataset(name, images[:, None], names, offsets, source or name, digest.hexdigest())
