"""Zip files of images, of which the folders say the classes."""

import io
import zipfile
from pathlib import PurePosixPath

from dashboard.teach.lesson import Picture


class ArchiveError(ValueError):
    """A file that is no zip of images, or too large a one; in a sentence for the visitor."""


def pictures(name: str, data: bytes, most_bytes: int) -> list[Picture]:
    """Return the files in a zip, each with the name of its folder; what systems put beside them is left out.

    `most_bytes` is what they may have together, unpacked. Raises ArchiveError.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [entry for entry in archive.infolist() if not _is_skipped(entry)]
            if not files:
                raise ArchiveError(f"{name}: there are no files in it.")
            if sum(entry.file_size for entry in files) > most_bytes:
                raise ArchiveError(
                    f"{name}: unpacked it has more than {most_bytes / 2**20:.0f} MiB; send less at once."
                )
            # No more than is said of each, however much there really is.
            return [_picture(entry, archive.open(entry).read(entry.file_size)) for entry in files]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise ArchiveError(f"{name}: it is no zip, a damaged or an encrypted one; pack it again.") from error


def _picture(entry: zipfile.ZipInfo, data: bytes) -> Picture:
    path = PurePosixPath(entry.filename)
    return Picture(path.name, data, path.parent.name)


def _is_skipped(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    by_systems = path.name.startswith(".") or path.name.lower() in ("thumbs.db", "desktop.ini")
    return entry.is_dir() or by_systems or "__MACOSX" in path.parts
