"""Any images in class folders, CLASS/anything.png, in a folder or a zip."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from imaml.runtime.inputs import Photos
from imaml.tasks.archive import Files, Progress, opened
from imaml.tasks.dataset import DataError, Dataset, Split, grouped

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
"""How the names of image files end, in whichever case."""

_LAYOUT = "images laid out as CLASS/anything.png"
_PARTS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}


def load(path: Path, seen_as: Photos, progress: Progress | None = None) -> Dataset:
    """The images at `path`; a class is a folder that has images, and is named by the path to it.

    Where the topmost folders are train, val (or validation) and test, they are the parts of the data, and
    not in the classes' names. `progress` is called with the images done and in all.

    Raises DataError, which names the file or entry, where `path` cannot be read, has no class folders, has
    an image that is none, or the same class in two parts.
    """
    with opened(path, _LAYOUT) as files:
        folders = _folders(files)
        parts = _parts(path, folders)
        classes = dict(sorted(_without_parts(path, folders).items() if parts else folders.items()))
        names = [name for names in classes.values() for name in names]
        images = files.images(names, seen_as, progress)
    counts = [len(names) for names in classes.values()]
    return grouped("folder", images, [str(c) for c in classes], counts, seen_as, str(path), parts)


def image_files(files: Files) -> dict[PurePosixPath, str]:
    """The names of the image files by their paths below the root, sorted."""
    return {path: name for path, name in files.visible().items() if path.suffix.lower() in SUFFIXES}


def _folders(files: Files) -> dict[PurePosixPath, list[str]]:
    """The names of the images of each folder, whose path begins where the folders begin to differ."""
    found: dict[PurePosixPath, list[str]] = {}
    for path, name in image_files(files).items():
        if path.parent == PurePosixPath():
            raise DataError(f"{files.path}: {path} is in no class folder; move it into one, or remove it.")
        found.setdefault(path.parent, []).append(name)
    if not found:
        raise DataError(f"{files.path} has no {_LAYOUT}; give a folder or zip of such folders.")
    above = _common(folder.parent for folder in found)
    return {folder.relative_to(above): names for folder, names in found.items()}


def _common(folders: Iterable[PurePosixPath]) -> PurePosixPath:
    """The deepest folder that all of these are in."""
    first, *others = folders
    return next(
        above for above in (first, *first.parents) if all(other.is_relative_to(above) for other in others)
    )


def _parts(path: Path, folders: Iterable[PurePosixPath]) -> Split | None:
    """The classes of each part, where the topmost folders are parts and not classes."""
    tops = {folder.parts[0] for folder in folders if len(folder.parts) > 1}
    if not tops or not tops <= _PARTS.keys() or any(len(folder.parts) == 1 for folder in folders):
        return None
    classes: dict[str, list[str]] = {part: [] for part in _PARTS.values()}
    for folder in folders:
        classes[_PARTS[folder.parts[0]]].append("/".join(folder.parts[1:]))
    missing = [part for part, names in classes.items() if not names]
    if missing:
        raise DataError(
            f"{path} has class folders in {', '.join(sorted(tops))} but none for {missing[0]}; "
            "give train, val and test, or no such folders."
        )
    return Split(**{part: tuple(sorted(names)) for part, names in classes.items()})


def _without_parts(path: Path, folders: dict[PurePosixPath, list[str]]) -> dict[PurePosixPath, list[str]]:
    classes: dict[PurePosixPath, list[str]] = {}
    for folder, names in folders.items():
        name = PurePosixPath(*folder.parts[1:])
        if name in classes:
            raise DataError(
                f"{path} has the class {name} in two parts; few-shot learning is judged by classes that were "
                "not trained on, so put all images of a class into one folder."
            )
        classes[name] = names
    return classes
