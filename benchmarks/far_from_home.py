"""How often a support set gets the warning that it is unlike those of the training, by what it shows."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import starter
from benchmarks.peers.environment import PeerError, photographs
from benchmarks.report import Record, Report
from benchmarks.setting import Setting
from benchmarks.starter import Source
from imaml.runtime.adaptation import adapt
from imaml.runtime.inputs import Drawings, Images
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Support
from imaml.tasks import glyphs

SETTINGS = ((2, 1), (5, 1), (5, 5), (20, 1))
TASKS = 100
SIDE = 105
"""Of images of noise, in pixels, as Omniglot's are."""

PATCH = (60, 200)
"""Sides of patches of photographs, in pixels."""

Drawn = Callable[[int, int], Iterator[Support]]
"""Support sets of so many ways and shots."""


def run(setting: Setting) -> Report:
    """One row for each kind of image."""
    bundle = starter.bundle()
    model = starter.load(bundle)
    generated = glyphs.generate()
    kinds: dict[str, Drawn] = {
        **_drawn("Omniglot, test characters", Source.test(bundle)),
        **_drawn("generated characters", Source(generated, generated.class_names)),
        "noise": partial(_of_files, _noise),
    }
    notes = [
        f"Share of {TASKS} support sets of each size (%). Inverted files are light on dark, which the "
        "preprocessing turns round; as inputs they are inverted after it.",
        f"noise: {SIDE} × {SIDE} pixels, each of any grey; photographs: square patches of {PATCH[0]} to "
        f"{PATCH[1]} pixels of scikit-learn's two sample images; both through the preprocessing.",
    ]
    try:
        pictures = [Image.open(path).convert("RGB") for path in photographs()]
        kinds["photographs"] = partial(_of_files, _patches(pictures))
    except PeerError as error:
        notes.append(f"photographs: not measured ({error}).")
    rows: list[Record] = []
    for name, drawn in kinds.items():
        setting.say(f"far_from_home: {name}")
        shares = {
            f"{ways}-way {shots}-shot": 100 * float(np.mean([far(model, one) for one in drawn(ways, shots)]))
            for ways, shots in SETTINGS
        }
        rows.append({"support sets of": name, **shares})
    return Report("Support sets that are called far from home", rows, notes)


def far(model: MetaModel, support: Support) -> bool:
    """Whether it gets the warning."""
    _, solution = adapt(model, support, replace(model.recipe, max_steps=0))
    measured = model.measured(support)
    assert measured
    assert solution.home_distance is not None
    return solution.home_distance > measured.home_threshold


def _drawn(name: str, source: Source) -> dict[str, Drawn]:
    """A data set's drawings as they are, inverted as files, and inverted as inputs."""

    def changed(change: Callable[[Images], Images]) -> Drawn:
        def drawn(ways: int, shots: int) -> Iterator[Support]:
            for task in source.tasks(ways, shots, queries=1, count=TASKS):
                yield replace(task.support, examples=change(task.support.examples))

        return drawn

    return {
        name: changed(lambda drawings: drawings),
        f"{name}, inverted files": changed(lambda drawings: _read([_png(ink[0]) for ink in drawings])),
        f"{name}, inverted inputs": changed(lambda drawings: 255 - drawings),
    }


def _of_files(make: Callable[[np.random.Generator], bytes], ways: int, shots: int) -> Iterator[Support]:
    """Support sets of image files."""
    generator = np.random.default_rng(0)
    labels = [f"{k:02d}" for k in range(ways) for _ in range(shots)]
    for _ in range(TASKS):
        yield Support.of(_read([make(generator) for _ in labels]), labels)


def _noise(generator: np.random.Generator) -> bytes:
    return _png(generator.integers(0, 256, (SIDE, SIDE), np.uint8))


def _patches(pictures: list[Image.Image]) -> Callable[[np.random.Generator], bytes]:
    def patch(generator: np.random.Generator) -> bytes:
        picture, side = pictures[generator.integers(len(pictures))], int(generator.integers(*PATCH))
        left, top = (int(generator.integers(extent - side)) for extent in picture.size)
        return _png(np.asarray(picture.crop((left, top, left + side, top + side))))

    return patch


def _read(files: list[bytes]) -> Images:
    return Drawings().read(files)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
