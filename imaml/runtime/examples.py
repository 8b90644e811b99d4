"""The zip of example images, `CLASS/NN.png`, that may come with a model for trying it out."""

import io
import re
import zipfile
import zlib
from collections import defaultdict

from imaml.runtime import preprocessing
from imaml.runtime.graphs import GraphError

MAX_ENTRIES = 2000
MAX_BYTES = 16 * 2**20
MAX_PIXELS = 2**20

_PATH = re.compile(r"(?P<label>[^/]{1,200})/[^/]+\.png")


def check(archive: bytes) -> None:
    """Raise GraphError for what is no zip of images, or more than the bounds allow."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            entries = files.infolist()
            _check_directory(entries)
            for entry in entries:
                preprocessing.decode(files.read(entry), max_pixels=MAX_PIXELS)
    except GraphError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise GraphError(f"The model's examples are no sound zip of images: {error}") from error


def paths_by_class(files: zipfile.ZipFile) -> dict[str, list[str]]:
    """Return the paths of the images of each class."""
    classes: dict[str, list[str]] = defaultdict(list)
    for path in files.namelist():
        classes[path.partition("/")[0]].append(path)
    return classes


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)  # which reading an entry does not exceed
    if not 0 < len(entries) <= MAX_ENTRIES or size > MAX_BYTES:
        raise GraphError(
            f"The model's examples are {len(entries)} files of {size} bytes; "
            f"there must be 1 to {MAX_ENTRIES}, of {MAX_BYTES} bytes at most."
        )
    seen: set[str] = set()
    for entry in entries:
        path = _PATH.fullmatch(entry.filename)
        if path is None or not path["label"].isprintable() or not path["label"].strip():
            raise GraphError(f"The model's examples hold {entry.filename[:100]!r}; name each CLASS/NN.png.")
        if entry.filename in seen:
            raise GraphError(f"The model's examples hold {entry.filename[:100]!r} twice.")
        seen.add(entry.filename)
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise GraphError(
                f"{entry.filename[:100]!r} in the model's examples is encrypted, or packed in a way "
                "other than deflate."
            )
