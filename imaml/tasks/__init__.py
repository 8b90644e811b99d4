"""What a model is trained and judged on: data sets, their split, and episodes drawn from them."""

from pathlib import Path

from imaml.runtime.inputs import InputError, Photos
from imaml.tasks import folder, glyphs, mini_imagenet, omniglot, table
from imaml.tasks.archive import Progress
from imaml.tasks.dataset import DataError, Dataset

__all__ = ["NAMES", "DataError", "Dataset", "Progress", "load"]

NAMES = ("glyphs", "omniglot", "mini-imagenet", "folder", "table", "clusters", "sinusoid")
"""The data sets that `load` knows."""


def load(
    name: str,
    path: Path | None = None,
    progress: Progress | None = None,
    *,
    image_size: int = 84,
    grey: bool = False,
) -> Dataset:
    """The data set of this `name`, at `path` where it is not made by a program (glyphs, clusters, sinusoid).

    Photographs (mini-imagenet, folder) become squares of `image_size` pixels, `grey` or in colour.

    Raises DataError where the name is unknown, or the data is missing or cannot be used.
    """
    if name not in NAMES:
        raise DataError(f"there is no data set {name}; the known ones are {', '.join(NAMES)}.")
    if name == "glyphs":
        return glyphs.generate()
    if name == "sinusoid":
        from imaml.tasks import sinusoid  # not above: its sampler needs torch, which the others do without

        return sinusoid.dataset()
    if name == "clusters":
        from imaml.tasks import clusters  # as above

        return clusters.dataset()
    if path is None:
        raise DataError(f"{name} needs its files; say where they are with --data PATH.")
    if name == "omniglot":
        return omniglot.load(path, progress)
    if name == "table":
        return table.load(path)
    try:
        photos = Photos(1 if grey else 3, image_size, image_size)
    except InputError as error:
        raise DataError(str(error)) from None
    return (folder if name == "folder" else mini_imagenet).load(path, photos, progress)
