"""What the small archives of the tests hold."""

import io

import numpy as np
from PIL import Image, ImageDraw


def drawing(seed: int, side: int = 32) -> bytes:
    """A PNG file with a zigzag that `seed` decides."""
    corners = np.random.default_rng(seed).uniform(0.1, 0.9, (4, 2)) * side
    image = Image.new("L", (side, side), 255)
    ImageDraw.Draw(image).line([(x, y) for x, y in corners.tolist()], fill=0, width=2)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


FILES: dict[str, bytes] = {
    f"{alphabet}/character{character:02}/{number:04}_{drawer:02}.png": drawing(
        100 * number + drawer, 32 + 73 * (drawer % 2)
    )
    for number, (alphabet, character, drawers) in enumerate(
        [("Latin", 1, 3), ("Latin", 2, 2), ("Latin", 10, 4), ("Ogham", 1, 1)]
    )
    for drawer in range(1, drawers + 1)
}
"""Paths below the alphabets' folder, in sorted order, with what the files hold."""


def photo(seed: int, width: int = 40, height: int = 30, image_format: str = "PNG") -> bytes:
    """An image file in colour, with something else at every place."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format)
    return file.getvalue()
