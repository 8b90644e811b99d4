"""From an image file to the 28 x 28 drawing that a model sees, the same in training and in the service.

Paper, pen and canvas should not matter, the figure alone should. So the ink is found (by Otsu's threshold;
ground is what dominates the border), thinned to lines of one cell on a fine grid, and drawn again with one
round pen: a thin pen on a large canvas and a thick one on a small canvas give the same drawing, ink 255 on
ground 0.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaml.runtime.decoding import decode_many

VERSION = 1
"""Number of this way of preprocessing; a model stores the number that it was trained with."""

SIZE = 28
"""Height and width in pixels of what the model sees."""

Grey = NDArray[np.uint8]
"""A decoded grey image, [height, width], of any size and polarity."""

_CELLS = 3 * SIZE  # the fine grid on which figures are thinned and drawn; 3 x 3 of its cells make one pixel
_STRIDE = _CELLS + 2  # with a ring of ground around it, so that every cell has eight neighbours
# The cells of a round pen from its centre; it is seven cells wide: strokes of 2.3 pixels.
_PEN = (np.argwhere(np.hypot(*np.mgrid[-3:4, -3:4]) < 3.5) - 3) @ (_CELLS, 1)
_FIGURE = _CELLS - 2 * 6 - 7  # extent of a figure's centre lines, with 2 pixels of margin beyond the pen
_LARGEST_ZOOM = 1.5  # of a thinned figure: a dot's few cells must not grow into a line
_LEAST_CONTRAST = 16  # between ink and ground; below it there is nothing but noise
_LONGEST_SIDE = 1024  # larger images are reduced first
_CHUNK = 32  # images thinned at once: more do not fit the cache


def preprocess(data: bytes, *, max_pixels: int = 25_000_000) -> NDArray[np.uint8]:
    """What the model sees of one image file: [28, 28], ink 255 on ground 0, all zeros for a blank image.

    Raises ImageError where `data` is no image that can be read, or has more than `max_pixels` pixels.
    """
    return preprocess_many([data], max_pixels=max_pixels)[0]


def preprocess_many(files: Sequence[bytes], *, max_pixels: int = 25_000_000) -> NDArray[np.uint8]:
    """What the model sees of each image file: [n, 28, 28]; each as if it were alone.

    Raises ImageError, whose `index` tells which, where one is no image or has more than `max_pixels` pixels.
    """
    return normalise(grey(image) for image in decode_many(files, _LONGEST_SIDE, max_pixels))


def grey(image: Image.Image) -> Grey:
    """Grey levels of a decoded image, reduced if it is large."""
    levels = image.convert("L")
    factor = _LONGEST_SIDE / max(levels.size)
    if factor < 1:
        width, height = (max(1, round(side * factor)) for side in levels.size)
        levels = levels.resize((width, height), Image.Resampling.BOX)
    return np.array(levels)


def normalise(greys: Iterable[Grey]) -> NDArray[np.uint8]:
    """The figures in grey images of any sizes, each drawn alike: [n, 28, 28], ink 255 on ground 0."""
    greys = iter(greys)
    drawings = [np.empty((0, SIZE, SIZE), np.uint8)]
    while chunk := list(islice(greys, _CHUNK)):
        ink = np.zeros((len(chunk), _STRIDE, _STRIDE), np.uint8)
        for cells, levels in zip(ink, chunk, strict=True):
            _place_ink(levels, cells)
        drawings.append(_draw(_thin(ink), len(chunk)))
    return np.concatenate(drawings)


def _place_ink(grey: Grey, cells: NDArray[np.uint8]) -> None:
    """Sets to 1 the `cells` [_STRIDE, _STRIDE] with ink, whose box is scaled to fill all but the ring."""
    threshold, contrast = _otsu(grey)
    if contrast < _LEAST_CONTRAST:
        return
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    if 2 * np.count_nonzero(border > threshold) >= border.size:
        grey, threshold = 255 - grey, 255 - threshold
    ink = grey > threshold
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    # One pixel around the box belongs to it: the ink fades into it.
    top, bottom = max(0, rows[0] - 1), min(grey.shape[0], rows[-1] + 2)
    left, right = max(0, columns[0] - 1), min(grey.shape[1], columns[-1] + 2)
    scale = _CELLS / max(bottom - top, right - left)
    width, height = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    if scale < 1:
        # A line of one pixel covers a share `scale` of a cell, or half of that in each of two cells.
        source, method, threshold = ink.astype(np.uint8) * 255, Image.Resampling.BOX, 0.4 * 255 * scale
    else:
        source, method = grey, Image.Resampling.BICUBIC
    resized = Image.fromarray(source).resize((width, height), method, box=(left, top, right, bottom))
    cells[1 : height + 1, 1 : width + 1] = np.asarray(resized) > threshold


def _otsu(grey: Grey) -> tuple[float, float]:
    """The threshold that parts dark from light with the largest variance between them, and their contrast."""
    counts = np.bincount(grey.ravel(), minlength=256)
    dark, dark_sum = np.cumsum(counts)[:-1], np.cumsum(counts * np.arange(256))[:-1]
    total, total_sum = grey.size, int(dark_sum[-1] + 255 * counts[-1])
    light = total - dark
    # Whole numbers as long as possible, so that the negative image gives the mirrored threshold exactly.
    between = (total_sum * dark - total * dark_sum).astype(np.float64) ** 2 / np.maximum(dark * light, 1)
    best = np.flatnonzero(between == between.max())
    level = best[0]
    if between[level] == 0:
        return 255.0, 0.0
    contrast = (total_sum - dark_sum[level]) / light[level] - dark_sum[level] / dark[level]
    return (best[0] + best[-1]) / 2 + 0.5, float(contrast)


def _removable() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which ink cells may go, by the code [256] of their neighbours, in the first and in the second pass."""
    n, ne, e, se, s, sw, w, nw = (np.arange(256) >> np.arange(8)[:, None] & 1).astype(np.bool_)
    parts = np.sum([~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n)], axis=0)
    pairs = np.sum([nw | n, ne | e, se | s, sw | w], axis=0), np.sum([n | ne, e | se, s | sw, w | nw], axis=0)
    edge = (parts == 1) & np.isin(np.minimum(*pairs), (2, 3))
    return edge & ~((s | sw | ~nw) & w), edge & ~((n | ne | ~se) & e)


_REMOVABLE = _removable()
_AROUND = np.array([-_STRIDE, 1 - _STRIDE, 1, _STRIDE + 1, _STRIDE, _STRIDE - 1, -1, -_STRIDE - 1])[:, None]
_BIT = np.arange(8, dtype=np.uint8)[:, None]


def _thin(ink: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Thins `ink` [n, _STRIDE, _STRIDE] in place to lines of one cell and gives their flat positions.

    Z. Guo and R. W. Hall, "Parallel thinning with two-subiteration algorithms", CACM 32(3), 1989.
    """
    cells = ink.ravel()
    active = np.flatnonzero(cells)
    while True:
        before = active.size
        for removable in _REMOVABLE:
            code = np.bitwise_or.reduce(cells[_AROUND + active] << _BIT, axis=0)
            gone = removable[code]
            cells[active[gone]] = 0
            active = active[~gone]
        if active.size == before:
            return active


def _draw(skeleton: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """The thinned figures of `count` images, each centred, scaled to one extent and drawn with the pen."""
    image, cell = np.divmod(skeleton, _STRIDE * _STRIDE)
    position = np.stack(np.divmod(cell, _STRIDE))
    drawn, start = np.unique(image, return_index=True)
    canvas = np.zeros((count, _CELLS, _CELLS), np.uint8)
    if drawn.size:
        low, high = np.minimum.reduceat(position, start, axis=1), np.maximum.reduceat(position, start, axis=1)
        zoom = np.minimum(_FIGURE / np.maximum((high - low).max(axis=0), 1), _LARGEST_ZOOM)
        which = np.searchsorted(drawn, image)
        centred = (position - ((low + high) / 2)[:, which]) * zoom[which]
        row, column = np.rint(centred + (_CELLS - 1) / 2).astype(np.int64)
        # The margin keeps ink from running over an edge.
        canvas.ravel()[_PEN[:, None] + ((image * _CELLS + row) * _CELLS + column)] = 1
    covered = canvas.reshape(count, SIZE, 3, SIZE, 3).sum(axis=(2, 4), dtype=np.uint16)
    return np.rint(covered * (255 / 9)).astype(np.uint8)
