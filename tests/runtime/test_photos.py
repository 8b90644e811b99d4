"""A photograph keeps its centre, colours and polarity, whatever its size, format or orientation."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imaml.runtime.decoding import ImageError, TooManyPixels, UnsupportedFormat
from imaml.runtime.photos import fit, preprocess_many

FORMATS = ["PNG", "JPEG", "WEBP", "BMP"]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """An image with something else at every place."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def smooth(width: int, height: int) -> Image.Image:
    """An image whose colours change slowly from place to place, all three differently."""
    return noise(5, 4).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """The file's bytes."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def seen(data: bytes, channels: int = 3, side: int = 84, max_pixels: int = 25_000_000) -> NDArray[np.uint8]:
    """What a model sees of one file, as [side, side, channels]."""
    return preprocess_many([data], channels, side, side, max_pixels=max_pixels)[0].transpose(1, 2, 0)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean distance of two images' pixels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_an_image_of_the_right_size_is_left_as_it_is() -> None:
    image = noise(84, 84)
    assert np.array_equal(seen(encoded(image)), np.asarray(image))
    assert np.array_equal(seen(encoded(image.convert("L")), 1)[..., 0], np.asarray(image.convert("L")))


def test_colours_become_grey_and_grey_becomes_three_equal_channels() -> None:
    colours = seen(encoded(noise(84, 84).convert("L")), 3)
    assert (colours == colours[..., :1]).all()
    assert np.array_equal(seen(encoded(noise(84, 84)), 1)[..., 0], np.asarray(noise(84, 84).convert("L")))


def test_light_stays_light() -> None:
    assert (seen(encoded(Image.new("RGB", (100, 60), (250, 240, 5)))) == (250, 240, 5)).all()


@pytest.mark.parametrize(("width", "height"), [(300, 84), (84, 300)])
def test_the_centre_is_kept_and_what_overhangs_is_cut(width: int, height: int) -> None:
    image = noise(width, height)
    left, top = (width - 84) // 2, (height - 84) // 2
    assert np.array_equal(seen(encoded(image)), np.asarray(image)[top : top + 84, left : left + 84])


def test_the_aspect_may_be_any() -> None:
    wide = preprocess_many([encoded(noise(60, 30))], 3, 30, 60, max_pixels=10_000)
    assert wide.shape == (1, 3, 30, 60)
    assert np.array_equal(wide[0].transpose(1, 2, 0), np.asarray(noise(60, 30)))


def test_fine_patterns_are_averaged_and_not_sampled() -> None:
    pattern = np.indices((840, 840)).sum(axis=0) % 2 * 255
    shrunk = seen(encoded(Image.fromarray(pattern.astype(np.uint8))), 1)
    assert np.abs(shrunk.astype(int) - 127).max() <= 2


@pytest.mark.parametrize("side", [30, 84, 200, 1000])
def test_the_size_hardly_matters(side: int) -> None:
    assert difference(seen(encoded(smooth(side, side))), seen(encoded(smooth(500, 500)))) < 4


@pytest.mark.parametrize("size", [(1200, 900), (900, 1200), (200, 150)])
def test_a_jpeg_of_any_size_gives_nearly_the_same(size: tuple[int, int]) -> None:
    image = smooth(*size)
    assert difference(seen(encoded(image, "JPEG", quality=95)), seen(encoded(image))) < 3


@pytest.mark.parametrize(
    "encode",
    [
        lambda image: encoded(image, "BMP"),
        lambda image: encoded(image, "WEBP", lossless=True),
        lambda image: encoded(image.convert("RGBA")),
        lambda image: encoded(image, compress_level=0),
    ],
)
def test_the_same_pixels_in_another_encoding_give_the_same(encode: Callable[[Image.Image], bytes]) -> None:
    image = noise(120, 100)
    assert np.array_equal(seen(encode(image)), seen(encoded(image)))


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LA", "I;16"])
def test_images_of_other_modes_are_read(mode: str) -> None:
    grey = smooth(84, 84).convert("L")
    image = (
        Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    )
    tolerance = 130 if mode == "1" else 10
    found = seen(encoded(image, "JPEG" if mode == "CMYK" else "PNG"), 1)[..., 0]
    assert difference(found, np.asarray(grey)) < tolerance
    assert difference(found, 255 - np.asarray(grey)) > difference(found, np.asarray(grey))


def sixteen_bits(values: NDArray[np.integer]) -> bytes:
    return encoded(Image.fromarray(values.astype(np.uint16)))


@pytest.mark.parametrize("bits", [8, 12])
def test_fewer_bits_in_16_are_as_bright_as_they_were_meant(bits: int) -> None:
    grey = np.asarray(noise(84, 84).convert("L"))
    found = seen(sixteen_bits(grey.astype(int) << (bits - 8)), 1)[..., 0]
    assert np.array_equal(found, grey)


def test_16_bits_that_use_their_range_are_taken_as_they_are() -> None:
    values = np.random.default_rng(0).integers(0, 2**16, (84, 84))
    assert np.array_equal(seen(sixteen_bits(values), 1)[..., 0], values >> 8)
    values = np.full((84, 84), 7)
    values[0, 0] = 4096  # brighter than 12 bits can say
    assert seen(sixteen_bits(values), 1).max() == 16


def test_a_dark_image_stays_dark_in_16_bits() -> None:
    dark = np.arange(84 * 84).reshape(84, 84) % 16
    assert np.array_equal(seen(sixteen_bits(dark * 257), 1)[..., 0], dark)


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (50, 50), (10, 20, 30, 0))
    assert (seen(encoded(image)) == 255).all()


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (6, Image.Transpose.ROTATE_90),
        (8, Image.Transpose.ROTATE_270),
    ],
)
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, turn: Image.Transpose, image_format: str) -> None:
    upright = smooth(200, 120)
    exif = Image.Exif()
    exif[0x0112] = orientation
    # The camera stores it turned the other way.
    stored = encoded(upright.transpose(turn), image_format, exif=exif, quality=95)
    assert difference(seen(stored), seen(encoded(upright))) < 3


def test_an_image_is_seen_alike_alone_and_among_others() -> None:
    files = [encoded(noise(50 + 20 * seed, 90, seed)) for seed in range(4)]
    together = preprocess_many(files, 3, 32, 32, max_pixels=100_000)
    for file, photo in zip(files, together, strict=True):
        assert np.array_equal(preprocess_many([file], 3, 32, 32, max_pixels=100_000)[0], photo)


def test_no_images_give_an_empty_batch() -> None:
    assert preprocess_many([], 3, 84, 84, max_pixels=1).shape == (0, 3, 84, 84)


def test_decoded_images_are_seen_as_files_are() -> None:
    image = noise(200, 150)
    assert np.array_equal(fit(image, 1, 28, 28)[0], seen(encoded(image), 1, 28)[..., 0])


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_extreme_shapes_are_seen(size: tuple[int, int]) -> None:
    assert (seen(encoded(Image.new("RGB", size, (1, 2, 3)))) == (1, 2, 3)).all()


def test_too_many_pixels_are_refused() -> None:
    file = encoded(noise(100, 100))
    assert seen(file, max_pixels=10_000).any()
    with pytest.raises(TooManyPixels, match=r"100 x 100 pixels.* 9,999 "):
        seen(file, max_pixels=9_999)


@pytest.mark.parametrize("data", [b"just text", encoded(Image.new("L", (9, 9)), "GIF"), b"\x00" * 100])
def test_other_formats_are_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="PNG, JPEG, WebP or BMP"):
        seen(data)


def test_an_empty_file_is_called_empty() -> None:
    with pytest.raises(ImageError, match="empty"):
        seen(b"")


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_called_damaged(image_format: str, share: float) -> None:
    whole = encoded(noise(60, 60), image_format)
    with pytest.raises(ImageError, match="damaged or cut short") as failure:
        seen(whole[: int(share * len(whole))])
    assert type(failure.value) is ImageError


@pytest.mark.parametrize("image_format", FORMATS)
def test_damage_anywhere_raises_nothing_but_an_image_error(image_format: str) -> None:
    random = np.random.default_rng(0)
    whole = np.frombuffer(encoded(noise(20, 20), image_format), np.uint8)
    for _ in range(60):
        damaged = whole.copy()
        damaged[random.integers(0, len(whole), 3)] = random.integers(0, 256, 3)
        with contextlib.suppress(ImageError):
            seen(damaged.tobytes(), side=8)


def test_the_error_tells_which_file_of_many() -> None:
    files = [encoded(noise(9, 9))] * 3
    with pytest.raises(ImageError) as failure:
        preprocess_many([*files, b"text", *files], 3, 84, 84, max_pixels=100)
    assert failure.value.index == 3


@pytest.mark.parametrize("metadata", [b"MM\x00*\x00\x00\x00\x08\x00\x05cut", b"no such thing"])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_damaged_metadata_is_passed_over_in_silence(metadata: bytes, image_format: str) -> None:
    damaged = encoded(noise(40, 40), image_format, exif=b"Exif\x00\x00" + metadata)
    script = "import sys; from imaml.runtime.photos import preprocess_many as read\n"
    script += "assert read([sys.stdin.buffer.read()], 3, 8, 8, max_pixels=10_000).any()"
    done = subprocess.run([sys.executable, "-c", script], input=damaged, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
