"""The zip of examples that may come with a model for trying it out.

For a model on images `CLASS/NN.png`, for one on vectors `CLASS/NN.json`, each a list of numbers.
"""

import io
import json
import re
import zipfile
import zlib
from collections import defaultdict
from typing import cast

import numpy as np

from imaml.runtime import preprocessing
from imaml.runtime.decoding import decode
from imaml.runtime.graphs import GraphError
from imaml.runtime.inputs import Input, Vectors

MAX_ENTRIES = 2000
MAX_BYTES = 16 * 2**20
MAX_PIXELS = 2**20

_UNREADABLE = (EOFError, ValueError, OverflowError, RecursionError)

_PATH = re.compile(r"(?P<label>[^/]{1,200})/[^/]+\.(?P<kind>png|json)")


def check(archive: bytes, model_input: Input) -> None:
    """Raise GraphError for what is no zip of examples for this input, or more than the bounds allow."""
    vectors = isinstance(model_input, Vectors)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            entries = files.infolist()
            _check_directory(entries, "json" if vectors else "png")
            for entry in entries:
                if vectors:
                    _check_vector(files.read(entry), model_input.shape)
                else:
                    decode(files.read(entry), preprocessing.SIZE, MAX_PIXELS)
    except GraphError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, *_UNREADABLE) as error:
        kind = "vectors" if vectors else "images"
        raise GraphError(f"The model's examples are no sound zip of {kind}: {error}") from error


def paths_by_class(files: zipfile.ZipFile) -> dict[str, list[str]]:
    """Return the paths of the examples of each class."""
    classes: dict[str, list[str]] = defaultdict(list)
    for path in files.namelist():
        classes[path.partition("/")[0]].append(path)
    return classes


def _check_vector(content: bytes, shape: tuple[int, ...]) -> None:
    numbers = json.loads(content)
    if not isinstance(numbers, list) or not all(
        type(number) in (int, float) for number in cast(list[object], numbers)
    ):
        raise ValueError("a file is no list of numbers")
    vector = np.array(numbers, np.float64)
    if vector.shape != shape or not (np.abs(vector) <= np.finfo(np.float32).max).all():
        raise ValueError(f"a vector is not of {shape[0]} finite numbers")


def _check_directory(entries: list[zipfile.ZipInfo], kind: str) -> None:
    size = sum(entry.file_size for entry in entries)  # which reading an entry does not exceed
    if not 0 < len(entries) <= MAX_ENTRIES or size > MAX_BYTES:
        raise GraphError(
            f"The model's examples are {len(entries)} files of {size} bytes; "
            f"there must be 1 to {MAX_ENTRIES}, of {MAX_BYTES} bytes at most."
        )
    seen: set[str] = set()
    for entry in entries:
        path = _PATH.fullmatch(entry.filename)
        label = path["label"] if path and path["kind"] == kind else ""
        if not label.isprintable() or not label.strip():
            raise GraphError(
                f"The model's examples hold {entry.filename[:100]!r}; name each CLASS/NN.{kind}."
            )
        if entry.filename in seen:
            raise GraphError(f"The model's examples hold {entry.filename[:100]!r} twice.")
        seen.add(entry.filename)
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise GraphError(
                f"{entry.filename[:100]!r} in the model's examples is encrypted, or packed in a way "
                "other than deflate."
            )
