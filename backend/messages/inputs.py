"""What is sent, as examples such as the model's input has them."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from backend import problems
from backend.messages.requests import Example, Input
from backend.problems import Problem
from backend.settings import Settings
from imaml.runtime.decoding import ImageError, TooManyPixels, UnsupportedFormat, count_pixels
from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.runtime.inputs import Input as ModelInput
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Examples

_LARGEST = float(np.finfo(np.float32).max)


def read(
    sent: Sequence[Input], model_input: ModelInput, field: str, titles: Sequence[str], settings: Settings
) -> Examples:
    """Return images or vectors as the model takes them.

    A Problem names what does not fit the model by its place in the request's `field`, and an image that is
    none by its title.
    """
    if isinstance(model_input, Vectors):
        length = len(model_input.mean)
        _refuse(sent, field, partial(_vector_fault, length=length))
        return np.array([item.input for item in sent], np.float32)
    _refuse(sent, field, _image_fault)
    return read_images([item.image for item in sent if item.image is not None], model_input, titles, settings)


def read_images(
    files: Sequence[bytes], model_input: Drawings | Photos, titles: Sequence[str], settings: Settings
) -> NDArray[np.uint8]:
    """Return what the model sees of each image file.

    A Problem calls one that is no image by its title, or says that they are too large together: a file of a
    kilobyte may have pixels that take seconds.
    """
    pixels = sum(map(count_pixels, files))
    if len(files) > 1 and pixels > settings.max_request_pixels:
        raise Problem(
            413,
            "too-many",
            f"The images have {pixels:,} pixels together; send {settings.max_request_pixels:,} at most.",
        )
    try:
        return model_input.read(files, max_pixels=settings.max_pixels)
    except ImageError as error:
        status, kind = _kind(error)
        raise Problem(status, kind, f"{titles[error.index]}: {error}") from error


def targets(examples: Sequence[Example], model: MetaModel) -> list[str] | list[float]:
    """Return the examples' labels, in regression their numbers; a Problem names what does not fit."""
    if model.regression:
        _refuse(examples, "examples", _number_fault)
        return [example.target for example in examples if example.target is not None]
    _refuse(examples, "examples", _label_fault)
    return [example.label for example in examples if example.label is not None]


def titles(sent: Sequence[Input], field: str) -> list[str]:
    """Return how messages call what was sent in a field, as in `examples[3] (cat.png)`."""
    return [
        f"{field}[{index}]" + (f" ({item.filename[:100]})" if item.filename else "")
        for index, item in enumerate(sent)
    ]


Fault = tuple[str, str] | None
"""The name of a field and what is wrong with it."""


def _refuse(sent: Sequence[Example] | Sequence[Input], field: str, fault: Callable[..., Fault]) -> None:
    faults = ((index, fault(item)) for index, item in enumerate(sent))
    errors = {f"{field}.{index}.{found[0]}": found[1] for index, found in faults if found}
    if errors:
        raise problems.invalid_fields(errors)


def _vector_fault(item: Input, length: int) -> Fault:
    if item.input is None:
        return "image", f"the model takes no images but vectors; send {length} numbers as input"
    if len(item.input) != length:
        return "input", f"it has {len(item.input)} numbers; the model takes vectors of {length}"
    return _size_fault("input", item.input)


def _image_fault(item: Input) -> Fault:
    if item.image is None:
        return "input", "the model takes no vectors but images; send an image file as image"
    return None


def _number_fault(example: Example) -> Fault:
    if example.target is None:
        return "label", "the model predicts numbers; send a number as target"
    return _size_fault("target", [example.target])


def _label_fault(example: Example) -> Fault:
    if example.label is None:
        return "target", "the model tells classes apart; send the name of a class as label"
    return None


def _size_fault(name: str, numbers: Sequence[float]) -> Fault:
    if any(abs(number) > _LARGEST for number in numbers):
        return name, f"it has a number beyond {_LARGEST:.2g}, the largest that fits 32 bits"
    return None


def _kind(error: ImageError) -> tuple[int, str]:
    if isinstance(error, UnsupportedFormat):
        return 415, "unsupported-image"
    if isinstance(error, TooManyPixels):
        return 413, "image-too-large"
    return 422, "unreadable-image"
