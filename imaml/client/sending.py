"""What the client sends: images of any kind, and vectors, with their labels or numbers."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.bool_]
"""[height, width] or, in RGB, [height, width, 3]; 16 bits in grey alone."""

Image = str | Path | bytes | PIL.Image.Image | Pixels
"""The path of an image file, the bytes of one, an image, or its pixels."""

Vector = Sequence[float] | NDArray[np.floating[Any]]
"""The numbers that a model on vectors takes, as they are: it standardises them itself."""

Input = Image | Vector
Inputs = Sequence[Input] | NDArray[np.floating[Any]]
"""Any number of them; vectors may be the rows of an array."""

Examples = Mapping[str, Inputs] | Sequence[tuple[Input, str | float]]
"""Inputs by their label, or pairs of one and its label; in regression, of one and its number."""

File = str | Path | bytes
"""The path of a file, or the bytes of one."""

_ONE_IMAGE = (str, Path, bytes, PIL.Image.Image)
_PIXELS = (np.uint8, np.uint16, np.bool_)
_PNG_MODES = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")


class AdaptationOptions(TypedDict, total=False):
    """How to adapt, and what to keep; what is left out of the recipe is as the model has it."""

    name: str | None
    ttl_seconds: int | None
    store_examples: bool
    lam: float | None
    solver: str | None
    inner_lr: float | None
    max_steps: int | None
    tolerance: float | None
    deadline_ms: int | None


def lesson(examples: Examples, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that teaches these examples: a form where all are labelled images, otherwise JSON."""
    pairs = list(_pairs_of(examples))
    if not pairs:
        raise ValueError("There are no examples; give some of two classes at least.")
    files = [("examples", as_file(given)) for given, _ in pairs if _is_image(given)]
    labels = [target for _, target in pairs if isinstance(target, str)]
    if len(files) == len(labels) == len(pairs):
        return {"data": {**fields, "labels": labels}, "files": files}
    return {"json": {**fields, "examples": [_as_json(given, target) for given, target in pairs]}}


def questions(inputs: Inputs) -> dict[str, Any]:
    """Return the body that asks for these inputs: a form where all are images, otherwise JSON."""
    files = [("images", as_file(given)) for given in inputs if _is_image(given)]
    if len(files) == len(inputs):
        return {"files": files}
    return {"json": {"inputs": [_as_json(given) for given in inputs]}}


def as_bytes(file: File) -> bytes:
    """Return what is in a file."""
    return file if isinstance(file, bytes) else Path(file).read_bytes()


def as_file(image: Image) -> tuple[str, bytes]:
    """Return the file name and the bytes to send for an image."""
    if isinstance(image, str | Path):
        path = Path(image)
        return path.name, path.read_bytes()
    if isinstance(image, bytes):
        return "image", image
    buffer = io.BytesIO()
    drawn = image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)
    drawn = PIL.ImageOps.exif_transpose(drawn)  # which way is up, a PNG does not tell
    drawn = drawn if drawn.mode in _PNG_MODES else drawn.convert("RGB")
    drawn.save(buffer, "PNG")
    return "image.png", buffer.getvalue()


def _pairs_of(examples: Examples) -> Iterator[tuple[Input, str | float]]:
    """Yield each input with its label or number; raises TypeError for one image where a list belongs."""
    if not isinstance(examples, Mapping):
        yield from examples
        return
    for label, inputs in examples.items():
        if _is_image(inputs):
            raise TypeError(f"The images of {label!r} must be a list, even if there is one.")
        yield from ((given, label) for given in inputs)


def _is_image(given: object) -> TypeGuard[Image]:
    """Tell an image from a vector."""
    return isinstance(given, _ONE_IMAGE) or (isinstance(given, np.ndarray) and given.dtype in _PIXELS)


def _as_json(given: Input, target: str | float | None = None) -> dict[str, Any]:
    """Return what to send for an input, with its label or number where there is one."""
    known: dict[str, Any] = {}
    if target is not None:
        known = {"label": target} if isinstance(target, str) else {"target": float(target)}
    if _is_image(given):
        name, content = as_file(given)
        return {**known, "image": base64.b64encode(content).decode(), "filename": name}
    return {**known, "input": np.asarray(given, np.float64).tolist()}
