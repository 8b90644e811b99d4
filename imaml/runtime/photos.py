"""From an image file to the photograph that a model sees, the same in training and in the service.

The largest part of the image's centre that has the model's aspect, made as small as the model wants it, in
colour or grey, and otherwise as it is.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imaml.runtime.decoding import decode_many

VERSION = "photo-1"
"""Name of this way of preprocessing; a model stores the name that it was trained with."""

MODES = {1: "L", 3: "RGB"}
"""Pillow's name for images of so many channels."""


def preprocess_many(
    files: Sequence[bytes], channels: int, height: int, width: int, *, max_pixels: int
) -> NDArray[np.uint8]:
    """What the model sees of each image file: [n, channels, height, width]; each as if it were alone.

    Raises ImageError, whose `index` tells which, where one is no image or has more than `max_pixels` pixels.
    """
    photos = np.empty((len(files), channels, height, width), np.uint8)
    for photo, image in zip(photos, decode_many(files, 2 * max(height, width), max_pixels), strict=True):
        photo[:] = fit(image, channels, height, width)
    return photos


def fit(image: Image.Image, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """What the model sees of a decoded image, RGB or grey: [channels, height, width]."""
    resized = ImageOps.fit(image.convert(MODES[channels]), (width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized).reshape(height, width, channels).transpose(2, 0, 1)
