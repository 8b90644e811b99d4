"""Characters of alphabets that nobody has written, made from a seed, so that training needs no download.

A class is a programme of one to four strokes, each a curve or a zigzag through a few control points. An
example is the programme drawn by another hand: control points moved a little, the whole turned, sheared,
stretched and shifted, with a pen of another width.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.inputs import Drawings
from imaml.runtime.preprocessing import normalise
from imaml.tasks.dataset import Dataset, grouped

_SAMPLES = 128  # points along a stroke, less than a pixel apart
_SIDE = 64  # pixels of a rendered image
_REACH = 2  # pixels from a point that its ink can touch

Points = NDArray[np.float64]


class _Stroke(NamedTuple):
    controls: Points  # [controls, 2], x and y between 0 and 1
    smooth: bool


def generate(classes: int = 400, examples: int = 20, seed: int = 0) -> Dataset:
    """A data set of `classes` characters, `examples` of each; class i depends on (`seed`, i) alone."""
    drawings = [normalise(_draw(seed, index, examples)) for index in range(classes)]
    images = np.concatenate(drawings)[:, None]
    names = [f"glyph{index:04d}" for index in range(classes)]
    return grouped("glyphs", images, names, [examples] * classes, Drawings())


def render(classes: int, examples: int, seed: int = 0) -> NDArray[np.uint8]:
    """The same characters before preprocessing: [classes, examples, 64, 64], dark ink on white."""
    return np.stack([_draw(seed, index, examples) for index in range(classes)])


def _draw(seed: int, index: int, examples: int) -> NDArray[np.uint8]:
    random = np.random.default_rng([seed, index])
    strokes = _programme(random)
    moves = [random.normal(0, 0.025, (examples, len(stroke.controls), 2)) for stroke in strokes]
    curves = [
        _basis(len(stroke.controls), stroke.smooth) @ (stroke.controls + move)
        for stroke, move in zip(strokes, moves, strict=True)
    ]
    points = _another_hand(random, np.concatenate(curves, axis=1))
    return _rasterise(points * _SIDE, random.uniform(0.8, 2, examples))


def _programme(random: np.random.Generator) -> list[_Stroke]:
    """One to four strokes that fill the unit square in one direction."""
    strokes: list[_Stroke] = []
    for _ in range(random.choice([1, 2, 3, 4], p=[0.2, 0.4, 0.28, 0.12])):
        steps = random.integers(1 if strokes else 2, 5)
        # Writing prefers some directions, bends one way for a while, and joins strokes.
        bends = random.normal(0, 0.9) + random.normal(0, 0.5, steps)
        heading = random.integers(8) * np.pi / 4 + random.normal(0, 0.2) + np.cumsum(bends) - bends[0]
        lengths = random.uniform(0.3, 0.8, steps) / np.sqrt(steps)
        start = random.random(2)
        if strokes and random.random() < 0.6:
            start = random.choice(strokes[random.integers(len(strokes))].controls)
        walk = np.cumsum(lengths[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
        strokes.append(_Stroke(np.vstack([start, start + walk]), smooth=bool(random.random() < 0.7)))
    everything = np.vstack([stroke.controls for stroke in strokes])
    low, high = everything.min(axis=0), everything.max(axis=0)
    extent = (high - low).max()
    return [_Stroke((controls - (low + high) / 2) / extent + 0.5, smooth) for controls, smooth in strokes]


@cache
def _basis(controls: int, smooth: bool) -> Points:
    """What takes control points to a stroke's points: [_SAMPLES, controls]; Catmull-Rom or straight lines."""
    unit = np.eye(controls)
    padded = np.vstack([2 * unit[0] - unit[1], unit, 2 * unit[-1] - unit[-2]])
    time = np.linspace(0, controls - 1, _SAMPLES)
    segment = np.minimum(time.astype(np.int64), controls - 2)
    t = (time - segment)[:, None]
    before, start, end, after = (padded[segment + i] for i in range(4))
    if not smooth:
        return start + t * (end - start)
    quadratic = before - 2.5 * start + 2 * end - after / 2
    cubic = 1.5 * (start - end) + (after - before) / 2
    return start + t * (end - before) / 2 + t**2 * quadratic + t**3 * cubic


def _another_hand(random: np.random.Generator, points: Points) -> Points:
    """The figures [examples, points, 2] in the unit square, each with an affine change of its own."""
    examples = len(points)
    angle, shear = random.normal(0, 0.1, examples), random.normal(0, 0.12, examples)
    width, height = np.exp(random.normal(0, 0.1, (2, examples)))
    cosine, sine = np.cos(angle), np.sin(angle)
    change = np.array([[width * cosine, width * (shear * cosine - sine)], [height * sine, height * cosine]])
    changed = np.einsum("ije,epj->epi", change, points - 0.5)
    low, high = changed.min(axis=1, keepdims=True), changed.max(axis=1, keepdims=True)
    extent = (high - low).max(axis=2, keepdims=True)
    largest = random.uniform(0.6, 0.8, (examples, 1, 1))
    place = random.uniform(-0.5, 0.5, (examples, 1, 2)) * (0.85 - largest)
    return (changed - (low + high) / 2) / extent * largest + 0.5 + place


def _rasterise(points: Points, pens: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Lines through `points` [examples, points, 2], in pixels, as wide as `pens` [examples]."""
    y, x = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1].reshape(2, -1)
    cells = np.floor(points).astype(np.int64)
    inside = cells + 0.5 - points
    distance = np.hypot(inside[:, :, :1] + x, inside[:, :, 1:] + y)
    ink = np.clip(pens[:, None, None] / 2 + 0.5 - distance, 0, 1)
    example = np.arange(len(points))[:, None, None] * _SIDE
    flat = ((example + cells[:, :, 1:] + y) * _SIDE + cells[:, :, :1] + x).ravel()
    canvas = np.zeros(len(points) * _SIDE * _SIDE)
    np.maximum.at(canvas, flat, ink.ravel())
    return np.rint(255 * (1 - canvas)).astype(np.uint8).reshape(-1, _SIDE, _SIDE)
