"""Predictions for a zip of images: a line of JSON for each, the first while others still wait."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from io import BytesIO
from pathlib import PurePosixPath
from time import monotonic
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from backend import problems
from backend.messages import inputs
from backend.problems import Problem
from backend.settings import Settings
from backend.work.engine import Engine
from imaml.runtime.adaptation import Adapted
from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import NumberPrediction, Prediction, predict
from imaml.store import Adaptation

_AT_ONCE = 8  # images before others get their turn
_TURN_SECONDS = 0.2  # or fewer, where they take this long
_PAUSE = 0.1  # seconds before asking a full service again
_LISTED = b"PK\x01\x02"  # begins each entry of a zip's directory
_ENTRIES_EACH = 10  # for an image: folders, and what systems put beside it


class Archive(NamedTuple):
    """A zip, and its images in their order."""

    file: ZipFile
    images: list[ZipInfo]


def open_archive(data: bytes, most: int) -> Archive:
    """Return the zip in a file's bytes; a Problem says why it is none or has more than `most` images."""
    # Counted before the directory is read, which takes many times its size in memory.
    if data.count(_LISTED) > most * _ENTRIES_EACH:
        raise _too_many(f"more than {most * _ENTRIES_EACH} entries", most)
    try:
        file = ZipFile(BytesIO(data))
    except Exception as error:  # whatever the damage leads it to
        raise _invalid(f"The body is not a zip, or a damaged one ({error})") from error
    images = [entry for entry in file.infolist() if not _is_skipped(entry)]
    if not images:
        raise _invalid("There are no files in the zip")
    if len(images) > most:
        raise _too_many(f"{len(images)} images", most)
    return Archive(file, images)


def answer(
    archive: Archive,
    adaptation: Adaptation,
    meta: MetaModel,
    adapted: Adapted,
    engine: Engine,
    settings: Settings,
) -> AsyncGenerator[bytes]:
    """Return the lines, some at a time, as they are worked out; raises Problem for a model on vectors."""
    model_input = meta.input
    if isinstance(model_input, Vectors):
        detail = "The model takes vectors, not images; send them as inputs to …/predictions."
        raise Problem(422, "no-images", detail)

    def work(images: Sequence[ZipInfo]) -> tuple[int, bytes]:
        with engine.metrics.stage("decode"):
            seen: list[NDArray[np.uint8] | Problem] = []
            end = monotonic() + _TURN_SECONDS
            for image in images:
                seen.append(_see(archive.file, image, model_input, settings))
                if monotonic() > end:
                    break
        readable = np.array([image for image in seen if not isinstance(image, Problem)])
        with engine.metrics.stage("predict"):
            predictions = iter(predict(meta, adapted, readable, adaptation.unknown_threshold))
        lines = (
            _line(image.filename, found if isinstance(found, Problem) else next(predictions))
            for image, found in zip(images, seen, strict=False)  # the others have their turn later
        )
        return len(seen), b"".join(lines)

    return _in_turns(engine, work, archive.images)


async def _in_turns(
    engine: Engine, work: Callable[[Sequence[ZipInfo]], tuple[int, bytes]], images: Sequence[ZipInfo]
) -> AsyncGenerator[bytes]:
    first = 0
    while first < len(images):
        try:
            count, lines = await engine.run(work, images[first : first + _AT_ONCE])
        except Problem as problem:
            if problem.kind != "server-full":
                raise
            await asyncio.sleep(_PAUSE)  # the answer has begun: it is too late to refuse
        else:
            yield lines
            first += count


def _see(
    archive: ZipFile, image: ZipInfo, model_input: Drawings | Photos, settings: Settings
) -> NDArray[np.uint8] | Problem:
    """Return what the model sees of an image, or why it sees none. One at a time, to bound memory."""
    title = image.filename[:100]
    try:
        content = _unpack(archive, image, title, settings.max_body_bytes)
        [seen] = inputs.read_images([content], model_input, [title], settings)
    except Problem as problem:
        return problem
    return seen


def _unpack(archive: ZipFile, image: ZipInfo, title: str, most: int) -> bytes:
    if image.file_size > most:
        size = f"{image.file_size:,} bytes, more than the {most:,} that are allowed"
        raise Problem(413, "image-too-large", f"{title}: it unpacks to {size}; send a smaller one.")
    if image.flag_bits & 1:
        raise _unreadable(f"{title}: it is encrypted; pack it without a password.")
    if image.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # others cannot be unpacked in part
        raise _unreadable(f"{title}: it is packed in another way than deflate; pack it again.")
    try:
        with archive.open(image) as file:
            return file.read(image.file_size)  # and no more, however much there really is
    except Exception as error:  # whatever the damage leads it to
        raise _unreadable(f"{title}: it is damaged in the zip ({error}); pack it again.") from error


def _line(filename: str, answer: Prediction | NumberPrediction | Problem) -> bytes:
    """Return one line, in ASCII: some clients take other characters for ends of lines."""
    failed = isinstance(answer, Problem)
    line = {
        "filename": filename,
        "prediction": None if failed else vars(answer),
        "problem": problems.document(answer).model_dump() if failed else None,
    }
    return json.dumps(line).encode() + b"\n"


def _is_skipped(entry: ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    by_systems = path.name.startswith(".") or path.name.lower() in ("thumbs.db", "desktop.ini")
    return entry.filename.endswith("/") or by_systems or "__MACOSX" in path.parts


def _invalid(fault: str) -> Problem:
    return Problem(422, "invalid-archive", f"{fault}; send a zip of image files.")


def _too_many(count: str, most: int) -> Problem:
    return Problem(413, "too-many", f"There are {count} in the zip; send {most} images at most.")


def _unreadable(detail: str) -> Problem:
    return Problem(422, "unreadable-image", detail)
