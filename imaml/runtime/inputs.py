"""What a model is given to see: drawings, photographs or vectors, and how each is made from what people send.

An input is stored with the model as its description, so that training and service see the same numbers.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaml.runtime import photos, preprocessing

Images = NDArray[np.uint8]
"""[n, channels, height, width]; of one example [channels, height, width]."""
Values = NDArray[np.float32]

MAX_PIXELS = 25_000_000
MAX_SIDE = 1024
MAX_LENGTH = 65_536


class InputError(ValueError):
    """A description of no input that is known here; the message is a sentence."""


@dataclass(frozen=True)
class Drawings:
    """Figures of ink, 28 x 28, all drawn again with one pen: ink 255 on ground 0."""

    kind: ClassVar[str] = "image"
    shape: ClassVar[tuple[int, ...]] = (1, preprocessing.SIZE, preprocessing.SIZE)

    def describe(self) -> dict[str, Any]:
        """What a model stores of it."""
        return _describe_image(self.shape, preprocessing.VERSION)

    def read(self, files: Sequence[bytes], *, max_pixels: int = MAX_PIXELS) -> Images:
        """The drawings in files: [n, 1, 28, 28]. Raises ImageError, whose `index` tells which failed."""
        return preprocessing.preprocess_many(files, max_pixels=max_pixels)[:, None]

    def to_input(self, examples: Images) -> Values:
        """What the graphs take: [n, 1, 28, 28], between 0 and 1."""
        return examples.astype(np.float32) / np.float32(255)

    def to_png(self, example: Images) -> bytes:
        """A drawing [1, 28, 28] as a PNG file: dark ink on light ground, as people draw."""
        return _write(255 - example[0])

    def from_png(self, data: bytes) -> Images:
        """The drawing [1, 28, 28] that `to_png` wrote."""
        return 255 - _read(data)[None]


@dataclass(frozen=True)
class Photos:
    """Photographs, cropped at the centre and resized, in grey (1 channel) or RGB (3)."""

    channels: int
    height: int
    width: int
    kind: ClassVar[str] = "image"

    def __post_init__(self) -> None:
        """Raises InputError where no such images can be made."""
        sides = (self.height, self.width)
        if self.channels not in photos.MODES or not all(1 <= side <= MAX_SIDE for side in sides):
            raise InputError(
                f"images of {self.channels} channels, {self.height} x {self.width} pixels, are not made; "
                f"ask for 1 or 3 channels and sides of 1 to {MAX_SIDE} pixels."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, (channels, height, width)."""
        return self.channels, self.height, self.width

    def describe(self) -> dict[str, Any]:
        """What a model stores of it."""
        return _describe_image(self.shape, photos.VERSION)

    def read(self, files: Sequence[bytes], *, max_pixels: int = MAX_PIXELS) -> Images:
        """The images in files: [n, *shape]. Raises ImageError, whose `index` tells which failed."""
        return photos.preprocess_many(files, self.channels, self.height, self.width, max_pixels=max_pixels)

    def to_input(self, examples: Images) -> Values:
        """What the graphs take: [n, *shape], between 0 and 1."""
        return examples.astype(np.float32) / np.float32(255)

    def to_png(self, example: Images) -> bytes:
        """A photograph [channels, height, width] as a PNG file."""
        return _write(example.transpose(1, 2, 0) if self.channels == 3 else example[0])

    def from_png(self, data: bytes) -> Images:
        """The photograph [channels, height, width] that `to_png` wrote."""
        pixels = _read(data)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if self.channels == 3 else pixels[None]


@dataclass(frozen=True)
class Vectors:
    """Vectors of features, each less its mean and divided by its scale; a feature of scale 0 counts as 0."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    kind: ClassVar[str] = "vector"

    def __post_init__(self) -> None:
        """Raises InputError where means and scales are not as many finite numbers, or a scale is below 0."""
        if not 1 <= len(self.mean) <= MAX_LENGTH:
            raise InputError(f"vectors of {len(self.mean)} numbers are not taken; give 1 to {MAX_LENGTH:,}.")
        if len(self.scale) != len(self.mean):
            raise InputError(f"there are {len(self.mean)} means but {len(self.scale)} scales of features.")
        for index, (mean, scale) in enumerate(zip(self.mean, self.scale, strict=True)):
            if not (isfinite(mean) and isfinite(scale) and scale >= 0):
                raise InputError(
                    f"feature {index} has mean {mean} and scale {scale}; "
                    "both must be finite, and the scale at least 0."
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, (length,)."""
        return (len(self.mean),)

    def describe(self) -> dict[str, Any]:
        """What a model stores of it."""
        return {
            "kind": "vector",
            "length": len(self.mean),
            "mean": list(self.mean),
            "scale": list(self.scale),
        }

    def to_input(self, examples: Values) -> Values:
        """What the graphs take of vectors [n, length]: as many, standardised."""
        scale = np.array(self.scale)
        steps = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
        return ((examples - np.array(self.mean)) * steps).astype(np.float32)


Input = Drawings | Photos | Vectors


def from_description(description: Mapping[str, Any]) -> Input:
    """The input that `describe` described. Raises InputError where it is none that is known here."""
    match dict(description):
        case {"kind": "vector", "length": length, "mean": [*mean], "scale": [*scale], **rest} if not rest:
            vectors = Vectors(_numbers(mean), _numbers(scale))
            if length != len(mean):
                raise InputError(f"the model's input has length {length!r} but {len(mean)} means.")
            return vectors
        case {"kind": "image", "preprocessing": photos.VERSION, **rest}:
            if rest.keys() == {"channels", "height", "width"} and all(type(n) is int for n in rest.values()):
                return Photos(**rest)
        case image if image == Drawings().describe():
            return Drawings()
        case _:
            pass
    raise InputError(f"the model's input is {str(dict(description))[:200]}, which is not known here.")


def _describe_image(shape: tuple[int, ...], version: int | str) -> dict[str, Any]:
    channels, height, width = shape
    return {
        "kind": "image",
        "channels": channels,
        "height": height,
        "width": width,
        "preprocessing": version,
    }


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    wrong = [value for value in values if isinstance(value, bool) or not isinstance(value, int | float)]
    if wrong:
        raise InputError(f"the model's input has {str(wrong[0])[:50]!r} where a feature's number must be.")
    try:
        return tuple(float(value) for value in values)
    except OverflowError:
        raise InputError("the model's input has a whole number that is too large.") from None


def _write(pixels: Images) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _read(data: bytes) -> Images:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image, np.uint8)
