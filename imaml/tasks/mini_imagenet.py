"""Mini-ImageNet in its two usual layouts.

Either images, in class folders or all in one, beside the split of Ravi and Larochelle: train.csv, val.csv and
test.csv, whose columns are filename and label. Or arrays in pickles, mini-imagenet-cache-train.pkl and so on.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaml.runtime import photos
from imaml.runtime.inputs import Photos
from imaml.tasks import pickles
from imaml.tasks.archive import Files, Progress, opened
from imaml.tasks.dataset import DataError, Dataset, Split, grouped
from imaml.tasks.folder import image_files

_LAYOUT = "train.csv, val.csv, test.csv and the images that they list"
_PARTS = {"train": "train", "val": "validation", "test": "test"}  # from the files' names to ours

Images = NDArray[np.uint8]
Example = TypeVar("Example", str, Images)


def load(path: Path, seen_as: Photos, progress: Progress | None = None) -> Dataset:
    """The images at `path`, a folder in either layout, or a zip in the first, with the parts that it gives.

    `progress` is called with the images done and in all. Raises DataError, which names the file or entry,
    where `path` cannot be read, is in neither layout, has an image that is none, or a class in two parts.
    """
    caches = {part: path / f"mini-imagenet-cache-{part}.pkl" for part in _PARTS}
    if any(cache.exists() for cache in caches.values()):
        arrays = {part: _cached(cache) for part, cache in caches.items()}
        parts, counts, examples = _joined(path, arrays)
        images = _fitted(examples, seen_as, progress)
    else:
        with opened(path, _LAYOUT) as files:
            parts, counts, names = _joined(path, _listed(files))
            images = files.images(names, seen_as, progress)
    return grouped("mini-imagenet", images, list(counts), list(counts.values()), seen_as, str(path), parts)


def _joined(
    path: Path, listed: Mapping[str, Mapping[str, Sequence[Example]]]
) -> tuple[Split, dict[str, int], list[Example]]:
    """The split, how many examples each class has, and all examples, class after class in sorted order."""
    classes: dict[str, Sequence[Example]] = {}
    for part, of_part in listed.items():
        twice = sorted(classes.keys() & of_part.keys())
        if twice or not of_part:
            problem = f"the class {twice[0]} in two parts" if twice else f"no classes in its part {part}"
            raise DataError(f"{path} has {problem}; get the data set again.")
        classes |= of_part
    counts = {name: len(classes[name]) for name in sorted(classes)}
    parts = Split(**{_PARTS[part]: tuple(sorted(of_part)) for part, of_part in listed.items()})
    return parts, counts, [example for name in counts for example in classes[name]]


def _listed(files: Files) -> dict[str, dict[str, list[str]]]:
    """The names of the image files of each class of each part, as the split files list them."""
    images: dict[str, list[PurePosixPath]] = {}
    names = image_files(files)
    for path in names:
        images.setdefault(path.name, []).append(path)
    taken: set[PurePosixPath] = set()
    parts: dict[str, dict[str, list[str]]] = {}
    for part in _PARTS:
        classes = parts.setdefault(part, {})
        for file, label in sorted(_rows(files, part)):
            place = PurePosixPath(file)
            found = [
                path for path in images.get(place.name, []) if path.parts[-len(place.parts) :] == place.parts
            ]
            if len(found) > 1:
                found = [path for path in found if path.parent.name == label]
            if len(found) != 1 or found[0] in taken:
                problem = "more than once" if found else "which is not there"
                raise DataError(f"{files.path}: {part}.csv lists {file}, {problem}; get the data set again.")
            taken.add(found[0])
            classes.setdefault(label, []).append(names[found[0]])
    return parts


def _rows(files: Files, part: str) -> list[tuple[str, str]]:
    """File name and label of each image of a part."""
    tables = [name for path, name in files.visible().items() if path.name == f"{part}.csv"]
    if len(tables) != 1:
        raise DataError(
            f"{files.path} has {len(tables)} files {part}.csv, and must have one; "
            "class folders without such lists are read by --dataset folder."
        )
    try:
        table = csv.DictReader(io.StringIO(files.read(tables[0]).decode("utf-8-sig")))
        rows = [(row["filename"], row["label"]) for row in table]
        if all(file and label for file, label in rows):
            return rows
    except (KeyError, UnicodeDecodeError, csv.Error):
        pass
    raise DataError(
        f"{files.path}: {tables[0]} is no table with a filename and a label in each row; get it again."
    )


def _cached(path: Path) -> dict[str, list[Images]]:
    """The images [height, width, 3] of each class in a pickle of image_data and class_dict, rows of it."""
    match pickles.read(path):
        case {"image_data": pickles.Array() as array, "class_dict": dict() as indices}:
            images = array.values()
        case _:
            raise DataError(f"{path} has no image_data and class_dict; get the data set again.")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
        described = f"{images.dtype} {list(images.shape)}"
        raise DataError(
            f"{path} has images of {described}, and not uint8 [n, height, width, 3]; get it again."
        )
    classes: dict[str, list[Images]] = {}
    taken: set[int] = set()
    for name, rows in indices.items():
        rows = rows.values().tolist() if isinstance(rows, pickles.Array) else rows
        sound = isinstance(rows, list) and all(type(row) is int and 0 <= row < len(images) for row in rows)
        alone = sound and rows and len({*rows}) == len(rows) and taken.isdisjoint(rows)
        if not alone or not isinstance(name, str):
            raise DataError(
                f"{path}: class {str(name)[:100]} is not a list of images of its own; get the data set again."
            )
        taken.update(rows)
        classes[name] = [images[row] for row in rows]
    return classes


def _fitted(images: Sequence[Images], seen_as: Photos, progress: Progress | None) -> Images:
    """Decoded images as a model sees them: [n, channels, height, width]."""
    fitted = np.empty((len(images), *seen_as.shape), np.uint8)
    for index, image in enumerate(images):
        fitted[index] = photos.fit(Image.fromarray(image), *seen_as.shape)
        done = index + 1
        if progress and (done % 1000 == 0 or done == len(images)):
            progress(done, len(images))
    return fitted
