"""Pictures are small, upright and on white, and their names cannot become markup."""

import io

from PIL import Image

from dashboard.pictures import SIDE, pair, thumbnail


def _file(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_thumbnail_keeps_proportions() -> None:
    assert _opened(thumbnail(_file(Image.new("L", (800, 400)), format="PNG"))).size == (SIDE, SIDE // 2)


def test_thumbnail_is_white_where_the_image_is_transparent() -> None:
    small = _opened(thumbnail(_file(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), format="PNG")))
    assert small.getpixel((5, 5)) == (255, 255, 255)


def test_thumbnail_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    assert _opened(thumbnail(_file(Image.new("L", (40, 20)), format="JPEG", exif=exif))).size == (20, 40)


def test_name_of_a_file_is_no_markup() -> None:
    assert '"><b>' not in pair(b"", b"", '"><b>x')
