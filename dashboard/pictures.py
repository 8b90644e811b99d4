"""Images made small, and the HTML that shows them."""

import base64
import io
from collections.abc import Iterable
from html import escape

from PIL import Image, ImageOps

SIDE = 160  # of a thumbnail, in pixels: twice what the page gives it, for dense screens


def thumbnail(image: bytes) -> bytes:
    """Return an image file upright, on white where it is transparent, as a PNG of 160 pixels at most."""
    with Image.open(io.BytesIO(image)) as opened:
        small = ImageOps.exif_transpose(opened).convert("RGBA")
    small.thumbnail((SIDE, SIDE))
    flat = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
    file = io.BytesIO()
    flat.save(file, "PNG")
    return file.getvalue()


def pair(sent: bytes, seen: bytes, name: str) -> str:
    """Return HTML with a PNG as it was sent beside what the model sees of it."""
    return (
        '<div class="pair">'
        f'<img src="{address(sent)}" alt="{escape(name)}" title="{escape(name)}">'
        f'<img class="seen" src="{address(seen)}" alt="as the model sees it" title="as the model sees it">'
        "</div>"
    )


def row(pngs: Iterable[bytes]) -> str:
    """Return HTML with PNGs in a row, as an ornament."""
    images = (f'<img src="{address(png)}" alt="">' for png in pngs)
    return f'<div class="thumbnails">{"".join(images)}</div>'


def labelled(png: bytes, label: str) -> str:
    """Return HTML with a PNG over its label."""
    return f'<figure><img src="{address(png)}" alt=""><figcaption>{escape(label)}</figcaption></figure>'


def address(png: bytes) -> str:
    """Return a PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
