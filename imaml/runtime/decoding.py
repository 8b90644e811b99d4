"""From an image file to its pixels: upright, white where transparent, grey or RGB."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_FORMATS = {"PNG": rb"\x89PNG\r\n\x1a\n", "JPEG": rb"\xff\xd8\xff", "WEBP": rb"RIFF.{4}WEBP", "BMP": rb"BM"}
_MOST_SCANS = 100  # of a progressive JPEG; usual ones have about ten, and each goes through all the pixels
_SCAN = b"\xff\xda"
_SIGNATURE = re.compile(b"|".join(_FORMATS.values()), re.DOTALL)
_UPRIGHT = {  # how to turn an image with this EXIF orientation upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Once here, not around each call: the filters are the whole process's, and calls come from many threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageError(ValueError):
    """A file that cannot be read as an image; the message is a sentence for whoever sent the file."""

    index = 0
    """Position of the file among those that were given."""


class UnsupportedFormat(ImageError):
    """The content is not of an image format that is read here."""


class TooManyPixels(ImageError):
    """The image has more pixels than are allowed."""


def decode_many(files: Sequence[bytes], side: int, max_pixels: int) -> Iterator[Image.Image]:
    """`decode` of one file after the other; the `index` of an ImageError tells which it was."""
    for index, data in enumerate(files):
        try:
            yield decode(data, side, max_pixels)
        except ImageError as error:
            error.index = index
            raise


def count_pixels(data: bytes) -> int:
    """How many pixels an image file says that it has, which is read without decoding it; 0 if it is none."""
    try:
        with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as image:
            return image.width * image.height
    except Exception:  # which `decode` explains
        return 0


def decode(data: bytes, side: int, max_pixels: int) -> Image.Image:
    """The image in a PNG, JPEG, WebP or BMP file, of mode L or RGB.

    A JPEG comes reduced where at least `side` pixels are left both ways, which spares most of a photograph's
    time. Raises ImageError where `data` is no image that can be read, or has more than `max_pixels` pixels.
    """
    if not data:
        raise ImageError("the file is empty; send a PNG, JPEG, WebP or BMP image.")
    if not _SIGNATURE.match(data):
        raise UnsupportedFormat(
            "the file is not a PNG, JPEG, WebP or BMP image by its content; convert it to one."
        )
    try:
        with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise TooManyPixels(_too_many(f"{width} x {height} pixels", max_pixels))
            if image.info.get("progressive") and data.count(_SCAN) > _MOST_SCANS:
                raise ImageError(f"the image is a JPEG of more than {_MOST_SCANS} scans; save it again.")
            image.draft(None, (side, side))
            return _upright(_flat(image), image)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixels(_too_many("far too many pixels", max_pixels)) from None
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to
        raise ImageError("the image is damaged or cut short; save it again or send another.") from error


def _too_many(size: str, max_pixels: int) -> str:
    return f"the image has {size}, more than the {max_pixels:,} that are allowed; send a smaller one."


def _flat(image: Image.Image) -> Image.Image:
    """An image of any mode in RGB or grey, transparency on white."""
    if image.mode.startswith("I"):  # 16 bits
        return Image.fromarray(_to_8_bits(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _to_8_bits(pixels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Grey of 16 bits in 8, as bright as it was meant.

    Cameras of 12 bits and programs of 8 save their numbers in 16 as they are, which would all but vanish.
    """
    bits = next(bits for bits in (8, 12, 16) if pixels.max() < 2**bits)
    if bits < 16 and not (pixels % 257).any():  # a dark image of 8 bits that was brought to 16 as PNG asks
        bits = 16
    return (pixels >> (bits - 8)).astype(np.uint8)


def _upright(flat: Image.Image, original: Image.Image) -> Image.Image:
    try:
        orientation = original.getexif().get(0x0112)
    except Exception:  # damaged metadata says nothing about the pixels
        orientation = None
    return flat.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else flat
