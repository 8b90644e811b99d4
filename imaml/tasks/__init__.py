"""What a model is trained and judged on: data sets, their split, and episodes drawn from them."""

from pathlib import Path

from imaml.tasks import glyphs, omniglot
from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.omniglot import Progress

__all__ = ["NAMES", "DataError", "Dataset", "Progress", "load"]

NAMES = ("glyphs", "omniglot")
"""The data sets that `load` knows."""


def load(name: str, path: Path | None = None, progress: Progress | None = None) -> Dataset:
    """The data set of this `name`: "omniglot" at `path`, or "glyphs", which needs none.

    Raises DataError where the name is unknown, or the data is missing or cannot be used.
    """
    if name == "glyphs":
        return glyphs.generate()
    if name != "omniglot":
        raise DataError(f"there is no data set {name}; the known ones are {', '.join(NAMES)}.")
    if path is None:
        raise DataError("omniglot needs its images; give their folder or zip with --data PATH.")
    return omniglot.load(path, progress)
