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


def preprocess(images: Sequence[ImageInput], field: str, max_pixels: int) -> Drawings:
    """Return what the model sees of each image; a Problem names the one that is no image."""
    try:
        return preprocessing.preprocess_many([image.image for image in images], max_pixels=max_pixels)
    except ImageError as error:
        status, kind = _kind(error)
        raise Problem(status, kind, f"{title(images, field, error.index)}: {error}") from error


def title(images: Sequence[ImageInput], field: str, index: int) -> str:
    """Return how a message calls an image, as in `examples[3] (cat.png)`."""
    filename = images[index].filename
    return f"{field}[{index}]" + (f" ({filename[:100]})" if filename else "")


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
