"""Omniglot and whatever else comes in its layout, ALPHABET/characterNN/IIII_KK.png, in a folder or a zip."""

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.preprocessing import SIZE, ImageError, preprocess_many
from imaml.tasks.dataset import DataError, Dataset, grouped

_LAYOUT = "ALPHABET/characterNN/IIII_KK.png"
_CHARACTER = re.compile(r"character\d+")
_LARGEST_FILE = 10_000_000  # bytes; an official image has a few hundred
_CHUNK = 512  # files in memory at once

Progress = Callable[[int, int], None]
Read = Callable[[str], bytes]


def load(path: Path, progress: Progress | None = None) -> Dataset:
    """The characters at `path`, preprocessed; classes are named ALPHABET/characterNN and sorted.

    The alphabets may lie deeper than `path`, as they do in the official archives, and have any number of
    characters with any number of drawings of any size. `progress` is called with the images done and in all.

    Raises DataError, which names the file or entry, where `path` cannot be read, is not in this layout, has
    an image that is none, or an entry that points outside of the archive.
    """
    with _opened(path) as (names, read):
        characters = _characters(path, names)
        drawings = [name for names in characters.values() for name in names]
        images = _read_all(path, drawings, read, progress or (lambda done, total: None))
    counts = [len(names) for names in characters.values()]
    return grouped("omniglot", images, list(characters), counts, source=str(path))


def _read_all(path: Path, names: Sequence[str], read: Read, progress: Progress) -> NDArray[np.uint8]:
    images = np.empty((len(names), SIZE, SIZE), np.uint8)
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        files = [read(name) for name in chunk]
        try:
            images[start : start + _CHUNK] = preprocess_many(files)
        except ImageError as error:
            raise DataError(f"{path}: {chunk[error.index]}: {error}") from None
        progress(start + len(chunk), len(names))
    return images


def _characters(path: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """The names of the drawings of each character, both sorted."""
    folders: dict[str, PurePosixPath] = {}
    characters: dict[str, list[str]] = {}
    for name in sorted(names):
        entry = PurePosixPath(name)
        hidden = entry.name.startswith(".") or "__MACOSX" in entry.parts
        if hidden or entry.suffix.lower() != ".png" or len(entry.parts) < 3:
            continue
        if not _CHARACTER.fullmatch(entry.parent.name):
            continue
        character = "/".join(entry.parts[-3:-1])
        folder = folders.setdefault(character, entry.parent)
        if folder != entry.parent:
            raise DataError(
                f"{path} has {character} twice, in {folder} and {entry.parent}; give one of them alone."
            )
        characters.setdefault(character, []).append(name)
    if not characters:
        raise DataError(
            f"{path} has no images laid out as {_LAYOUT}; give the folder or zip of the alphabets."
        )
    return dict(sorted(characters.items()))


@contextmanager
def _opened(path: Path) -> Generator[tuple[list[str], Read]]:
    """The names of all files in the folder or zip at `path`, and what reads one of them."""
    try:
        if path.is_dir():
            yield _folder_files(path), lambda name: _read_file(Path(name))
        elif path.exists():
            with zipfile.ZipFile(path) as archive:
                yield _archive_files(path, archive), lambda name: _read_entry(path, archive, name)
        else:
            raise DataError(f"{path} does not exist; give a folder or zip with images laid out as {_LAYOUT}.")
    except zipfile.BadZipFile as error:
        message = f"{path} is neither a folder nor a zip that can be read ({error}); get it again."
        raise DataError(message) from None
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read ({error.strerror or error}).") from None


def _folder_files(path: Path) -> list[str]:
    def fail(error: OSError) -> None:
        raise error

    files: list[str] = []
    seen: set[Path] = set()
    for folder, _, names in os.walk(path.resolve(), followlinks=True, onerror=fail):
        place = Path(folder).resolve()
        if place in seen:
            raise DataError(f"{folder} is a symbolic link to a folder that is read already; remove the link.")
        seen.add(place)
        files += [f"{PurePosixPath(Path(folder) / name)}" for name in names]
    return files


def _archive_files(path: Path, archive: zipfile.ZipFile) -> list[str]:
    for name in archive.namelist():
        entry = PurePosixPath(name.replace("\\", "/"))
        if entry.is_absolute() or ".." in entry.parts or any(":" in part for part in entry.parts[:1]):
            raise DataError(f"{path}: the entry {name} points outside of the archive; get a sound one.")
    return [entry.filename for entry in archive.infolist() if not entry.is_dir()]


def _read_file(file: Path) -> bytes:
    if file.stat().st_size > _LARGEST_FILE:
        raise DataError(f"{file} has more than {_LARGEST_FILE:,} bytes, too many for a character; remove it.")
    return file.read_bytes()


def _read_entry(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _LARGEST_FILE:
        message = (
            f"{path}: {name} has more than {_LARGEST_FILE:,} bytes, too many for a character; remove it."
        )
        raise DataError(message)
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path}: {name} cannot be read ({error}); make the archive again.") from None
