"""Whatever bytes are sent as an image, they are drawn or refused, in little time and memory."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings

from imaml.runtime.decoding import ImageError, TooManyPixels, UnsupportedFormat
from imaml.runtime.preprocessing import SIZE, preprocess
from tests.hostile import BOMBS, FILES, hostile_files, png, png_pixels

MIB = 2**20


def drawn_or_refused(data: bytes, max_pixels: int = 25_000_000) -> ImageError | None:
    try:
        drawing = preprocess(data, max_pixels=max_pixels)
    except ImageError as error:
        return error
    assert (drawing.shape, drawing.dtype) == ((SIZE, SIZE), np.uint8)
    return None


def memory(of: str) -> int:
    """Bytes of this process's memory: now (`VmRSS`), or the most since `forget_peak` (`VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(of))


def cost(work: Callable[[], object]) -> tuple[float, int]:
    """Seconds of processor time and bytes of memory at most that it takes."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before, started = memory("VmRSS"), process_time()
    work()
    return process_time() - started, memory("VmHWM") - before


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(hostile_files)
def test_any_bytes_are_drawn_or_refused(data: bytes) -> None:
    drawn_or_refused(data, max_pixels=1_000_000)


@pytest.mark.parametrize("name", FILES)
def test_what_follows_an_image_is_ignored_and_what_comes_before_is_not(name: str) -> None:
    image = FILES[name]
    for other in (b"PK\x05\x06" + bytes(18), b"<html><script>alert(1)</script></html>", b"GIF89a", image):
        assert np.array_equal(preprocess(image + other), preprocess(image))
        if other is not image:
            with pytest.raises(UnsupportedFormat):
                preprocess(other + image)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_drawn_or_refused_at_little_cost(name: str) -> None:
    bomb = BOMBS[name]()
    found: list[ImageError | None] = []
    seconds, peak = cost(lambda: found.append(drawn_or_refused(bomb)))
    assert seconds < 2
    assert peak < 32 * MIB
    if "vast" in name:  # and is refused by what it says of itself
        assert isinstance(found[0], TooManyPixels)
        assert peak < MIB


def test_the_largest_image_that_is_allowed_takes_some_bytes_a_pixel() -> None:
    pixels = 2000 * 2000
    image = png(2000, 2000, png_pixels(2000, 2000, 8), bits=16, colour=6)
    _, peak = cost(lambda: drawn_or_refused(image, max_pixels=pixels))
    assert peak < 24 * pixels
