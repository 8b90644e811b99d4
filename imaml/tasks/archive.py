"""The files of a folder or a zip, by name, read where they lie."""

import os
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.decoding import ImageError
from imaml.runtime.inputs import Drawings, Photos
from imaml.tasks.dataset import DataError

_LARGEST_FILE = 50_000_000  # bytes
_LARGEST_ARRAY = 32 * 2**30  # bytes that all images may take in memory
_CHUNK = 128  # files in memory at once

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Files:
    """The files at `path`."""

    path: Path
    root: PurePosixPath
    """What all names begin with: the folder itself; nothing in a zip."""
    names: tuple[str, ...]
    read: Callable[[str], bytes]
    """The content of the file of this name. Raises DataError where it is too large or damaged."""

    def visible(self) -> dict[PurePosixPath, str]:
        """Names by their paths below the root, sorted, without what is hidden or a file manager's litter."""
        below = {PurePosixPath(name).relative_to(self.root): name for name in self.names}
        return {
            path: below[path]
            for path in sorted(below)
            if "__MACOSX" not in path.parts and not any(part.startswith(".") for part in path.parts)
        }

    def images(
        self, names: Sequence[str], seen_as: Drawings | Photos, progress: Progress | None
    ) -> NDArray[np.uint8]:
        """The images in the files of these names: [n, channels, height, width].

        `progress` is called with the images done and in all. Raises DataError, which names the file, where
        one is no image, and where they are too many to be held in memory.
        """
        size = len(names) * int(np.prod(seen_as.shape))
        if size > _LARGEST_ARRAY:
            raise DataError(
                f"{self.path} has {len(names):,} images, {size / 2**30:.0f} GiB at {seen_as.shape[1]} x "
                f"{seen_as.shape[2]} pixels; give fewer, or ask for smaller ones."
            )
        images = np.empty((len(names), *seen_as.shape), np.uint8)
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            files = [self.read(name) for name in chunk]
            try:
                images[start : start + _CHUNK] = seen_as.read(files)
            except ImageError as error:
                raise DataError(f"{self.path}: {chunk[error.index]}: {error}") from None
            if progress:
                progress(start + len(chunk), len(names))
        return images


@contextmanager
def opened(path: Path, layout: str, largest_file: int = _LARGEST_FILE) -> Generator[Files]:
    """The files in the folder or zip at `path`, which holds what `layout` says.

    Raises DataError, which names the file or entry, where `path` cannot be read, or an entry points outside
    of the archive.
    """
    try:
        if path.is_dir():
            root = path.resolve()
            names = _folder_files(root)
            yield Files(path, PurePosixPath(root), names, lambda name: _read_file(Path(name), largest_file))
        elif path.exists():
            with zipfile.ZipFile(path) as archive:
                names = _archive_files(path, archive)
                yield Files(
                    path, PurePosixPath(), names, lambda name: _read_entry(path, archive, name, largest_file)
                )
        else:
            raise DataError(f"{path} does not exist; give a folder or zip with {layout}.")
    except zipfile.BadZipFile as error:
        message = f"{path} is neither a folder nor a zip that can be read ({error}); get it again."
        raise DataError(message) from None
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read ({error.strerror or error}).") from None


def _folder_files(root: Path) -> tuple[str, ...]:
    def fail(error: OSError) -> None:
        raise error

    files: list[str] = []
    seen: set[Path] = set()
    for folder, _, names in os.walk(root, followlinks=True, onerror=fail):
        place = Path(folder).resolve()
        if place in seen:
            raise DataError(f"{folder} is a symbolic link to a folder that is read already; remove the link.")
        seen.add(place)
        files += [f"{PurePosixPath(Path(folder) / name)}" for name in names]
    return tuple(files)


def _archive_files(path: Path, archive: zipfile.ZipFile) -> tuple[str, ...]:
    for name in archive.namelist():
        entry = PurePosixPath(name.replace("\\", "/"))
        if entry.is_absolute() or ".." in entry.parts or any(":" in part for part in entry.parts[:1]):
            raise DataError(f"{path}: the entry {name} points outside of the archive; get a sound one.")
    return tuple(entry.filename for entry in archive.infolist() if not entry.is_dir())


def _read_file(file: Path, largest: int) -> bytes:
    if file.stat().st_size > largest:
        raise DataError(f"{file} has more than {largest:,} bytes, too many for an image; remove it.")
    return file.read_bytes()


def _read_entry(path: Path, archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    if archive.getinfo(name).file_size > largest:
        raise DataError(f"{path}: {name} has more than {largest:,} bytes, too many for an image; remove it.")
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path}: {name} cannot be read ({error}); make the archive again.") from None
