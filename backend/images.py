"""Image files in, drawings as the model sees them, small PNG files out."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.problems import Problem
from backend.requests import ImageInput
from imaml.runtime import preprocessing
from imaml.runtime.preprocessing import ImageError, TooManyPixels, UnsupportedFormat

Drawings = NDArray[np.uint8]
"""[n, 28, 28], ink 255 on ground 0."""


def preprocess(files: Sequence[bytes], titles: Sequence[str], max_pixels: int) -> Drawings:
    """Return what the model sees of each image file; a Problem calls one that is no image by its title."""
    try:
        return preprocessing.preprocess_many(files, max_pixels=max_pixels)
    except ImageError as error:
        status, kind = _kind(error)
        raise Problem(status, kind, f"{titles[error.index]}: {error}") from error


def titles(images: Sequence[ImageInput], field: str) -> list[str]:
    """Return how messages call the images of a field, as in `examples[3] (cat.png)`."""
    return [
        f"{field}[{index}]" + (f" ({image.filename[:100]})" if image.filename else "")
        for index, image in enumerate(images)
    ]


def to_png(drawing: Drawings) -> bytes:
    """Return a drawing [28, 28] as a PNG file: dark ink on light ground, as people draw."""
    buffer = io.BytesIO()
    Image.fromarray(255 - drawing).save(buffer, "PNG")
    return buffer.getvalue()


def from_png(data: bytes) -> Drawings:
    """Return the drawing [28, 28] that `to_png` wrote."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return 255 - np.asarray(image, np.uint8)


def _kind(error: ImageError) -> tuple[int, str]:
    if isinstance(error, UnsupportedFormat):
        return 415, "unsupported-image"
    if isinstance(error, TooManyPixels):
        return 413, "image-too-large"
    return 422, "unreadable-image"
