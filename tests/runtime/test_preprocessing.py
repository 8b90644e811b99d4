"""The figure alone decides what the model sees: not pen, canvas, colours, place, file format or company."""

import contextlib
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from imaml.runtime.decoding import ImageError, TooManyPixels, UnsupportedFormat, decode
from imaml.runtime.preprocessing import (
    SIZE,
    grey,
    normalise,
    preprocess,
    preprocess_many,
)

Figure = Sequence[Sequence[tuple[float, float]]]

ZIGZAG: Figure = [[(0.2, 0.2), (0.8, 0.2), (0.3, 0.8), (0.8, 0.8)]]
KEY: Figure = [[(0.3, 0.2), (0.7, 0.2), (0.7, 0.6), (0.3, 0.6), (0.3, 0.2)], [(0.5, 0.6), (0.5, 0.9)]]
STAR: Figure = [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)], [(0.5, 0.1), (0.5, 0.9)]]
HOOK: Figure = [[(0.3, 0.1), (0.3, 0.9), (0.6, 0.9)]]
FIGURES = {"zigzag": ZIGZAG, "key": KEY, "star": STAR, "hook": HOOK}


def drawn(figure: Figure, canvas: int = 200, pen: int = 6) -> Image.Image:
    """A figure in the unit square, in black on white, with a round pen and smooth edges."""
    large = Image.new("L", (4 * canvas, 4 * canvas), 255)
    draw = ImageDraw.Draw(large)
    for stroke in figure:
        points = [(4 * canvas * x, 4 * canvas * y) for x, y in stroke]
        draw.line(points, fill=0, width=4 * pen)
        for x, y in points:
            draw.ellipse((x - 2 * pen, y - 2 * pen, x + 2 * pen, y + 2 * pen), fill=0)
    return large.reduce(4)


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """The file's bytes."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that promises so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The correlation of two images."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(("canvas", "pen"), [(64, 2), (64, 8), (105, 3), (400, 20), (1000, 2), (1000, 20)])
@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_pen_and_canvas_do_not_matter(figure: Figure, canvas: int, pen: int) -> None:
    usual = preprocess(encoded(drawn(figure)))
    assert likeness(preprocess(encoded(drawn(figure, canvas, pen))), usual) > 0.92


def test_a_thin_pen_survives_on_a_huge_canvas() -> None:
    image = Image.new("L", (4000, 4000), 255)
    for stroke in ZIGZAG:
        ImageDraw.Draw(image).line([(4000 * x, 4000 * y) for x, y in stroke], fill=0, width=1)
    assert likeness(preprocess(encoded(image)), preprocess(encoded(drawn(ZIGZAG)))) > 0.92


def test_decoded_images_are_bounded() -> None:
    assert grey(Image.new("L", (3000, 1500))).shape == (512, 1024)
    assert max(decode(encoded(Image.new("L", (3000, 2100)), "JPEG"), 1024, 10**8).size) == 1500


def test_different_figures_stay_different() -> None:
    seen = [preprocess(encoded(drawn(figure))) for figure in FIGURES.values()]
    assert max(likeness(seen[i], seen[j]) for i in range(4) for j in range(i)) < 0.6


@pytest.mark.parametrize("canvas", [32, 64, 500])
def test_the_negative_gives_the_same(canvas: int) -> None:
    image = drawn(ZIGZAG, canvas, 3)
    assert np.array_equal(preprocess(encoded(image)), preprocess(encoded(ImageOps.invert(image))))


@pytest.mark.parametrize("canvas", [40, 300])
def test_the_place_on_the_canvas_does_not_matter(canvas: int) -> None:
    figure = drawn(STAR, canvas, 4)
    seen: list[NDArray[np.uint8]] = []
    for place in [(5, 5), (canvas, 20), (50, canvas)]:
        paper = Image.new("L", (2 * canvas + 10, 2 * canvas + 10), 255)
        paper.paste(figure, place)
        seen.append(preprocess(encoded(paper)))
    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[0], seen[2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(drawn(HOOK), exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(stored)))
    assert np.array_equal(preprocess(stored), preprocess(encoded(upright, exif=Image.Exif())))
    as_stored = preprocess(encoded(drawn(HOOK)))
    assert np.array_equal(preprocess(stored), as_stored) == (orientation == 1)


def _transparent(image: Image.Image) -> Image.Image:
    ink = Image.new("RGBA", image.size, (0, 0, 0, 0))
    ink.putalpha(ImageOps.invert(image))
    return ink


ENCODINGS: dict[str, Callable[[Image.Image], bytes]] = {
    "RGB": lambda image: encoded(image.convert("RGB")),
    "palette": lambda image: encoded(image.convert("P")),
    "16 bits": lambda image: encoded(Image.fromarray(np.asarray(image).astype(np.uint16) * 257)),
    "8 bits in 16": lambda image: encoded(Image.fromarray(np.asarray(image).astype(np.uint16))),
    "12 bits in 16": lambda image: encoded(Image.fromarray(np.asarray(image).astype(np.uint16) << 4)),
    "opaque alpha": lambda image: encoded(image.convert("RGBA")),
    "transparent ground": lambda image: encoded(_transparent(image)),
    "transparent white": lambda image: encoded(image, transparency=255),
    "BMP": lambda image: encoded(image, "BMP"),
    "WebP": lambda image: encoded(image.convert("RGB"), "WEBP", lossless=True),
    "animated": lambda image: encoded(image, save_all=True, append_images=[ImageOps.invert(drawn(STAR))]),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_the_same_pixels_in_another_encoding_give_the_same(encode: Callable[[Image.Image], bytes]) -> None:
    image = drawn(KEY)
    assert np.array_equal(preprocess(encode(image)), preprocess(encoded(image)))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_of_any_size_gives_nearly_the_same(mode: str) -> None:
    photograph = encoded(drawn(KEY, 1500, 30).convert(mode), "JPEG", quality=80)
    assert likeness(preprocess(photograph), preprocess(encoded(drawn(KEY)))) > 0.92


def test_one_bit_gives_nearly_the_same() -> None:
    image = drawn(KEY)
    assert likeness(preprocess(encoded(image.convert("1"))), preprocess(encoded(image))) > 0.92


def test_an_image_is_seen_alike_alone_and_in_a_batch() -> None:
    images = [
        drawn(figure, canvas, pen)
        for figure in FIGURES.values()
        for canvas, pen in [(32, 2), (64, 12), (150, 9), (1100, 40)]
    ]
    files = [encoded(image) for image in [*images, Image.new("L", (9, 9))]] * 3
    together = preprocess_many(files)
    assert together.shape == (51, SIZE, SIZE)
    assert all(np.array_equal(preprocess(file), seen) for file, seen in zip(files, together, strict=True))
    assert np.array_equal(preprocess_many(files[::-1]), together[::-1])
    assert np.array_equal(normalise(grey(decode(file, SIZE, 10**7)) for file in files), together)


def test_no_images_give_an_empty_batch() -> None:
    assert preprocess_many([]).shape == (0, SIZE, SIZE)


def test_a_line_is_drawn_with_the_pen_inside_of_the_margin() -> None:
    seen = preprocess(encoded(drawn([[(0.2, 0.5), (0.8, 0.5)]], 300, 17)))
    assert 2 <= seen[:, 14].sum() / 255 <= 2.5
    rows, columns = np.nonzero(seen)
    assert columns.min() == 2
    assert columns.max() == 25
    assert abs(rows.mean() - 13.5) <= 0.5


def test_a_dot_stays_a_dot_in_the_centre() -> None:
    paper = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(paper).ellipse((20, 30, 41, 49), fill=0)
    rows, columns = np.nonzero(preprocess(encoded(paper)))
    assert np.abs([rows.mean() - 13.5, columns.mean() - 13.5]).max() <= 0.5
    assert max(np.ptp(rows), np.ptp(columns)) < 6


def test_a_small_loop_stays_open() -> None:
    ring: Figure = [[(0.5 + 0.1 * np.cos(a), 0.3 + 0.1 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)]]
    seen = preprocess(encoded(drawn([*ring, [(0.5, 0.4), (0.5, 0.9)]], 105, 3)))
    inside = seen[2:12, 10:18]
    assert inside.min() == 0
    assert (seen[3:9, 13:15] > 0).any()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_gives_nothing(level: int) -> None:
    assert not preprocess(encoded(Image.new("L", (50, 40), level))).any()


def test_noise_on_blank_paper_gives_nothing() -> None:
    noise = np.random.default_rng(0).normal(200, 3, (200, 200)).astype(np.uint8)
    assert not preprocess(encoded(Image.fromarray(noise))).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_extreme_shapes_are_drawn_or_blank(size: tuple[int, int]) -> None:
    image = Image.new("L", size, 255)
    image.putpixel((size[0] // 2, size[1] // 2), 0)
    assert preprocess(encoded(image)).shape == (SIZE, SIZE)


@pytest.mark.parametrize("size", [(10_000, 10_000), (20_000, 20_000), (5_001, 5_000)])
def test_too_many_pixels_are_refused_by_the_header(size: tuple[int, int]) -> None:
    with pytest.raises(TooManyPixels, match="25,000,000"):
        preprocess(png_header(*size))


def test_the_largest_number_of_pixels_can_be_chosen() -> None:
    file = encoded(drawn(KEY, 100))
    assert preprocess(file, max_pixels=10_000).any()
    with pytest.raises(TooManyPixels, match=r"100 x 100 pixels.* 9,999 "):
        preprocess(file, max_pixels=9_999)


@pytest.mark.parametrize("data", [b"just text", encoded(Image.new("L", (9, 9)), "GIF"), b"\x00" * 100])
def test_other_formats_are_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="PNG, JPEG, WebP or BMP"):
        preprocess(data)


def test_an_empty_file_is_called_empty() -> None:
    with pytest.raises(ImageError, match="empty"):
        preprocess(b"")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_truncated_file_is_called_damaged(image_format: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    whole = encoded(Image.fromarray(noise), image_format)
    with pytest.raises(ImageError, match="damaged or cut short") as failure:
        preprocess(whole[: int(share * len(whole))])
    assert type(failure.value) is ImageError


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP"])
def test_damage_anywhere_raises_nothing_but_an_image_error(image_format: str) -> None:
    random = np.random.default_rng(0)
    whole = np.frombuffer(encoded(drawn(KEY, 40, 3), image_format), np.uint8)
    for _ in range(200):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        with contextlib.suppress(ImageError):
            preprocess(damaged.tobytes())


def test_the_error_tells_which_file_of_many() -> None:
    files = [encoded(drawn(KEY, 40, 3))] * 50
    with pytest.raises(ImageError) as failure:
        preprocess_many([*files, b"text", *files])
    assert failure.value.index == 50


@pytest.mark.parametrize("metadata", [b"MM\x00*\x00\x00\x00\x08\x00\x05cut", b"no such thing"])
def test_damaged_metadata_is_passed_over_in_silence(metadata: bytes) -> None:
    damaged = encoded(drawn(KEY), "PNG", exif=b"Exif\x00\x00" + metadata)
    script = "import sys; from imaml.runtime.preprocessing import preprocess\n"
    script += "assert preprocess(sys.stdin.buffer.read()).any()"
    done = subprocess.run([sys.executable, "-c", script], input=damaged, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
