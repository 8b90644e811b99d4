"""From an image file to the photograph that a model sees, the same in training and in the service.

The largest part of the image's centre that has the model's aspect, made as small as the model wants it, in
colour or grey, and otherwise as it is.
"""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from imaml.runtime.preprocessing import ImageError, TooManyPixels, UnsupportedFormat

VERSION = "photo-1"
"""Name of this way of preprocessing; a model stores the name that it was trained with."""

MODES = {1: "L", 3: "RGB"}
"""Pillow's name for images of so many channels."""

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")


def preprocess_many(
    files: Sequence[bytes], channels: int, height: int, width: int, *, max_pixels: int
) -> NDArray[np.uint8]:
    """What the model sees of each image file: [n, channels, height, width]; each as if it were alone.

    Raises ImageError, whose `index` tells which, where one is no image or has more than `max_pixels` pixels.
    """
    photos = np.empty((len(files), channels, height, width), np.uint8)
    for index, data in enumerate(files):
        try:
            photos[index] = fit(_decode(data, 2 * max(height, width), max_pixels), channels, height, width)
        except ImageError as error:
            error.index = index
            raise
    return photos


def fit(image: Image.Image, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """What the model sees of a decoded image, RGB or grey: [channels, height, width]."""
    resized = ImageOps.fit(image.convert(MODES[channels]), (width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized).reshape(height, width, channels).transpose(2, 0, 1)


def _decode(data: bytes, side: int, max_pixels: int) -> Image.Image:
    """The upright RGB or grey image, white where transparent; a JPEG reduced, if `side` both ways is left."""
    if not data:
        raise ImageError("the file is empty; send a PNG, JPEG, WebP or BMP image.")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise TooManyPixels(_too_many(f"{width} x {height} pixels", max_pixels))
            image.draft(None, (side, side))
            return _upright(_flat(image), image)
    except ImageError:
        raise
    except UnidentifiedImageError:
        message = "the file is not a PNG, JPEG, WebP or BMP image by its content; convert it to one."
        raise UnsupportedFormat(message) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixels(_too_many("far too many pixels", max_pixels)) from None
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to
        raise ImageError("the image is damaged or cut short; save it again or send another.") from error


def _too_many(size: str, max_pixels: int) -> str:
    return f"the image has {size}, more than the {max_pixels:,} that are allowed; send a smaller one."


def _flat(image: Image.Image) -> Image.Image:
    """An image of any mode in RGB or grey, transparency on white."""
    if image.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _upright(flat: Image.Image, original: Image.Image) -> Image.Image:
    try:
        flat.getexif()[0x0112] = original.getexif().get(0x0112, 1)
        return ImageOps.exif_transpose(flat)
    except Exception:  # damaged metadata says nothing about the pixels
        return flat
