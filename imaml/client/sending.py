"""What the client sends: images of any kind, and vectors, with their labels or numbers."""

import base64
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypedDict, TypeGuard

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from imaml.client.errors import InvalidArgument

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
_PILLOW = Lock()  # it reads an opened file when the image is first used, and not from two threads
_NOT_IN_HEADERS = re.compile(r"[^ -~]|^ | \Z")


class AdaptationOptions(TypedDict, total=False):
    """How to adapt, and what to keep.

    What is left out, or None, is as the model and the service have it, or the adaptation that is extended.
    """

    name: str | None
    """What lists show."""
    ttl_seconds: int | None
    """After how long to forget the adaptation."""
    store_examples: bool
    """Whether to keep the examples, as the model sees them: by default they are, and more may be added."""
    lam: float | None
    """Proximal strength, above 0."""
    solver: str | None
    """The inner solver, such as "gradient_descent", "accelerated", "l_bfgs" or "newton_cg"."""
    inner_lr: float | None
    """Its rate, above 0."""
    max_steps: int | None
    """Its steps, at most."""
    tolerance: float | None
    """The residual at which it stops; 0: it never stops early."""
    deadline_ms: int | None
    """The time after which it stops where it stands."""


def lesson(examples: Examples, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that teaches these examples: a form where all are labelled images, otherwise JSON."""
    fields = {name: _as_option(name, value) for name, value in fields.items()}
    pairs = list(_pairs_of(examples))
    if not pairs:
        raise InvalidArgument("There are no examples; give some of two classes at least.")
    files = [("examples", as_file(given)) for given, _ in pairs if _is_image(given)]
    labels = [target for _, target in pairs if isinstance(target, str)]
    if len(files) == len(labels) == len(pairs):
        return {"data": {**fields, "labels": labels}, "files": files}
    described = [_as_json(f"examples[{i}]", given, target) for i, (given, target) in enumerate(pairs)]
    return {"json": {**fields, "examples": described}}


def questions(inputs: Inputs) -> dict[str, Any]:
    """Return the body that asks for these inputs: a form where all are images, otherwise JSON."""
    if isinstance(inputs, _ONE_IMAGE):
        raise TypeError("The inputs must be a list, even if there is one.")
    files = [("images", as_file(given)) for given in inputs if _is_image(given)]
    if len(files) == len(inputs):
        return {"files": files}
    return {"json": {"inputs": [_as_json(f"inputs[{i}]", given) for i, given in enumerate(inputs)]}}


def as_bytes(file: File) -> bytes:
    """Return what is in a file."""
    return file if isinstance(file, bytes) else Path(file).read_bytes()


def as_file(image: Image) -> tuple[str, bytes]:
    """Return the file name and the bytes to send for an image."""
    if isinstance(image, str | Path):
        path = Path(image)
        return path.name.encode(errors="replace").decode(), path.read_bytes()  # a name may be no text
    if isinstance(image, bytes):
        return "image", image
    buffer = io.BytesIO()
    with _PILLOW:
        drawn = image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)
        drawn = PIL.ImageOps.exif_transpose(drawn)  # which way is up, a PNG does not tell
        drawn = drawn if drawn.mode in _PNG_MODES else drawn.convert("RGB")
        drawn.save(buffer, "PNG")
    return "image.png", buffer.getvalue()


def header(name: str, text: str, advice: str) -> str:
    """Return a text that a header can carry; raises InvalidArgument, which keeps the text to itself."""
    if fault := _NOT_IN_HEADERS.search(text):
        raise InvalidArgument(
            f"{name} has at place {fault.start() + 1} of {len(text)} what cannot be sent; {advice}."
        )
    return text


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


def _as_json(title: str, given: Input, target: str | float | None = None) -> dict[str, Any]:
    """Return what to send for an input, with its label or number where there is one."""
    known: dict[str, Any] = {}
    if isinstance(target, str):
        known = {"label": target}
    elif target is not None:
        known = {"target": _numbers(f"{title}.target", target)}
    if _is_image(given):
        name, content = as_file(given)
        return {**known, "image": base64.b64encode(content).decode(), "filename": name}
    return {**known, "input": _numbers(title, given)}


def _numbers(title: str, given: Input | float) -> Any:
    """Return a vector or a number as JSON has it; raises InvalidArgument for what it does not have."""
    try:
        numbers = np.asarray(given, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgument(f"{title} is not made of numbers ({error}); send numbers alone.") from error
    if strange := np.argwhere(~np.isfinite(numbers)).tolist():
        place = "".join(f"[{index}]" for index in strange[0])
        raise InvalidArgument(f"{title}{place} is {numbers[*strange[0]]}; send finite numbers alone.")
    return numbers.tolist()


def _as_option(name: str, value: Any) -> Any:
    """Return the value of an option as JSON has it; raises InvalidArgument for NaN and infinity."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(f"{name} is {value}; give a finite number.")
    return value
