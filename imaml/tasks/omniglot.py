"""Omniglot and whatever else comes in its layout, ALPHABET/characterNN/IIII_KK.png, in a folder or a zip."""

import re
from pathlib import Path, PurePosixPath

from imaml.runtime.inputs import Drawings
from imaml.tasks.archive import Files, Progress, opened
from imaml.tasks.dataset import DataError, Dataset, grouped

_LAYOUT = "images laid out as ALPHABET/characterNN/IIII_KK.png"
_CHARACTER = re.compile(r"character\d+")
_LARGEST_FILE = 10_000_000  # bytes; an official image has a few hundred


def load(path: Path, progress: Progress | None = None) -> Dataset:
    """The characters at `path`, preprocessed; classes are named ALPHABET/characterNN and sorted.

    The alphabets may lie deeper than `path`, as they do in the official archives, and have any number of
    characters with any number of drawings of any size. `progress` is called with the images done and in all.

    Raises DataError, which names the file or entry, where `path` cannot be read, is not in this layout, has
    an image that is none, or an entry that points outside of the archive.
    """
    with opened(path, _LAYOUT, _LARGEST_FILE) as files:
        characters = _characters(files)
        drawings = [name for names in characters.values() for name in names]
        images = files.images(drawings, Drawings(), progress)
    counts = [len(names) for names in characters.values()]
    return grouped("omniglot", images, list(characters), counts, Drawings(), source=str(path))


def _characters(files: Files) -> dict[str, list[str]]:
    """The names of the drawings of each character, both sorted."""
    folders: dict[str, PurePosixPath] = {}
    characters: dict[str, list[str]] = {}
    for below, name in files.visible().items():
        entry = files.root / below  # whose last folders say the alphabet, also where it is given alone
        if entry.suffix.lower() != ".png" or len(entry.parts) < 3:
            continue
        if not _CHARACTER.fullmatch(entry.parent.name):
            continue
        character = "/".join(entry.parts[-3:-1])
        folder = folders.setdefault(character, entry.parent)
        if folder != entry.parent:
            raise DataError(
                f"{files.path} has {character} twice, in {folder} and {entry.parent}; give one of them alone."
            )
        characters.setdefault(character, []).append(name)
    if not characters:
        raise DataError(f"{files.path} has no {_LAYOUT}; give the folder or zip of the alphabets.")
    return dict(sorted(characters.items()))
