"""What the client sends: images of any kind, and vectors, with their labels or numbers."""

import base64
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypedDict, TypeGuard, cast

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from imaml.client.errors import InvalidArgument

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.bool_]
"""[height, width] or, in RGB, [height, width, 3]; 16 bits in grey alone."""

Bytes = bytes | bytearray | memoryview

Image = str | Path | Bytes | PIL.Image.Image | Pixels
"""The path of an image file, the bytes of one, an image, or its pixels."""

Vector = Sequence[float] | NDArray[np.floating[Any]]
"""The numbers that a model on vectors takes, as they are: it standardises them itself."""

Input = Image | Vector
Inputs = Iterable[Input] | NDArray[np.floating[Any]]
"""Any number of them; vectors may be the rows of an array."""

Examples = Mapping[str, Inputs] | Iterable[tuple[Input, str | float]]
"""Inputs by their label, or pairs of one and its label; in regression, of one and its number."""

File = str | Path | Bytes
"""The path of a file, or the bytes of one."""

_PIXELS = (np.uint8, np.uint16, np.bool_)
_CHANNELS = (2, 3, 4)  # grey with transparency, RGB, RGB with transparency
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
    inputs = {f"examples[{i}]": given for i, (given, _) in enumerate(pairs)}
    targets = [_target(title, target) for title, (_, target) in zip(inputs, pairs, strict=True)]
    labels = [target["label"] for target in targets if "label" in target]
    if len(labels) == len(pairs) and (files := _files("examples", inputs)):
        return {"data": {**fields, "labels": labels}, "files": files}
    described = [target | known for target, known in zip(targets, _described(inputs), strict=True)]
    return {"json": {**fields, "examples": described}}


def questions(inputs: Inputs) -> dict[str, Any]:
    """Return the body that asks for these inputs: a form where all are images, otherwise JSON."""
    titled = {f"inputs[{i}]": given for i, given in enumerate(as_list(inputs))}
    files = _files("images", titled)
    return {"files": files} if files else {"json": {"inputs": _described(titled)}}


def as_list(inputs: Inputs, title: str = "The inputs") -> list[Input]:
    """Return the inputs one by one; raises TypeError for one image, or a mapping, where a list belongs."""
    if _is_image(inputs) or isinstance(inputs, Mapping):
        raise TypeError(f"{title} must be a list, even if there is one.")
    return list(inputs)


def as_bytes(file: File) -> bytes:
    """Return what is in a file."""
    return bytes(file) if isinstance(file, Bytes) else Path(file).read_bytes()


def as_file(image: Image, title: str = "The image") -> tuple[str, bytes]:
    """Return the file name and the bytes to send for an image."""
    if isinstance(image, str | Path):
        path = Path(image)
        return path.name.encode(errors="replace").decode(), path.read_bytes()  # a name may be no text
    if isinstance(image, Bytes):
        return "image", bytes(image)
    buffer = io.BytesIO()
    with _PILLOW:
        drawn = PIL.ImageOps.exif_transpose(_drawn(title, image))  # which way is up, a PNG does not tell
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
    """Yield each input with its label or number; raises TypeError for what does not have this form."""
    if isinstance(examples, Mapping):
        for label, inputs in cast(Mapping[str, Inputs], examples).items():
            for given in as_list(inputs, f"The examples of {label!r}"):
                yield given, label
        return
    if _is_image(examples):
        raise TypeError("The examples must be lists by label, or pairs of an input and its label or number.")
    for i, pair in enumerate(examples):
        if not _is_pair(pair):
            raise TypeError(f"examples[{i}] must be a pair of an input and its label or number.")
        yield pair


def _is_pair(given: object) -> bool:
    return isinstance(given, tuple | list) and len(given) == 2


def _is_image(given: object) -> TypeGuard[Image]:
    """Tell an image, even one that cannot be sent, from a vector."""
    if isinstance(given, np.ndarray):
        return given.dtype in _PIXELS and given.ndim > 1
    return isinstance(given, str | Path | Bytes | PIL.Image.Image)


def _drawn(title: str, image: object) -> PIL.Image.Image:
    """Return pixels as an image; raises InvalidArgument for an array of another form."""
    if isinstance(image, PIL.Image.Image):
        return image
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{title} is of the type {type(image).__name__}; give a path, bytes, or an image.")
    in_colour = image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] in _CHANNELS
    if not (image.dtype in _PIXELS and image.size and (image.ndim == 2 or in_colour)):
        raise InvalidArgument(
            f"{title} is {_form(image)}; the pixels of an image are [height, width] or "
            "[height, width, 3], of uint8."
        )
    return PIL.Image.fromarray(image)


def _files(name: str, inputs: Mapping[str, Input]) -> list[tuple[str, tuple[str, bytes]]]:
    """Return the parts of a form, or none where an input is a vector."""
    images = {title: given for title, given in inputs.items() if _is_image(given)}
    if len(images) < len(inputs):
        return []
    return [(name, as_file(image, title)) for title, image in images.items()]


def _described(inputs: Mapping[str, Input]) -> list[dict[str, Any]]:
    """Return the inputs as JSON has them."""
    return [_as_json(title, given) for title, given in inputs.items()]


def _as_json(title: str, given: Input) -> dict[str, Any]:
    if _is_image(given):
        name, content = as_file(given, title)
        return {"image": base64.b64encode(content).decode(), "filename": name}
    numbers = _numbers(title, given)
    if numbers.ndim != 1:
        raise InvalidArgument(
            f"{title} is {_form(np.asarray(given))}; a vector is a list of numbers, "
            "and the pixels of an image are of uint8."
        )
    return {"input": numbers.tolist()}


def _target(title: str, target: str | float) -> dict[str, Any]:
    """Return the label or the number of an example as JSON has it."""
    if isinstance(target, str):
        return {"label": target}
    number = _numbers(f"{title}.target", target)
    if number.ndim:
        raise InvalidArgument(f"{title}.target is {_form(number)}; give a label or one number.")
    return {"target": number.item()}


def _form(array: NDArray[Any]) -> str:
    """Return what kind of array this is, in words."""
    return f"an array {list(array.shape)} of {array.dtype}" if array.ndim else "one number"


def _numbers(title: str, given: object) -> NDArray[np.float64]:
    """Return a vector or a number; raises InvalidArgument for what JSON does not have."""
    try:
        numbers: NDArray[np.float64] = np.asarray(given, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgument(f"{title} is not made of numbers ({error}); send numbers alone.") from error
    if strange := np.argwhere(~np.isfinite(numbers)).tolist():
        place = "".join(f"[{index}]" for index in strange[0])
        raise InvalidArgument(f"{title}{place} is {numbers[*strange[0]]}; send finite numbers alone.")
    return numbers


def _as_option(name: str, value: Any) -> Any:
    """Return the value of an option as JSON has it; raises InvalidArgument for NaN and infinity."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(f"{name} is {value}; give a finite number.")
    return value
