"""Small data: a data set whose images tell which they are, and archives in Omniglot's layout."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imaml.runtime.inputs import Drawings
from imaml.tasks.dataset import Dataset, grouped
from tests.tasks.archives import FILES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds `images_background` with four characters of two alphabets."""
    for name, data in FILES.items():
        file = tmp_path / "omniglot" / "images_background" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "omniglot"


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Makes a zip of these entries."""

    def make(entries: dict[str, bytes]) -> Path:
        path = tmp_path / "archive.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name, data in entries.items():
                target.writestr(name, data)
        return path

    return make


@pytest.fixture
def numbered() -> Dataset:
    """Ten classes c of 3 to 12 images i: the corners hold c, i, c, i, the middle of the top edge 255."""
    counts = range(3, 13)
    images = np.zeros((sum(counts), 28, 28), np.uint8)
    numbers = [(c, i) for c, count in enumerate(counts) for i in range(count)]
    for image, (c, i) in zip(images, numbers, strict=True):
        image[0, 0], image[0, -1], image[-1, -1], image[-1, 0] = c, i, c, i
        image[0, 13:15] = 255
    names = [f"class {c}" for c in range(10)]
    return grouped("numbered", images[:, None], names, list(counts), Drawings())
