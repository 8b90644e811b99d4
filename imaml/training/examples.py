"""What a model brings along for trying it out: a zip of CLASS/NN.png, or CLASS/NN.json for vectors."""

import io
import json
import zipfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaml.runtime.inputs import Drawings, Vectors
from imaml.tasks import glyphs
from imaml.tasks.clusters import ClusterSampler
from imaml.tasks.dataset import Dataset
from imaml.tasks.split import Split

CLASSES, EACH = 20, 10


def examples(dataset: Dataset, split: Split) -> bytes | None:
    """Examples that were not trained on; None for regression.

    For drawings they are characters that no data set has, so that nobody's handwriting travels along; for
    everything else they come from the test classes.
    """
    if dataset.task == "regression":
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if isinstance(dataset.input, Drawings):
            files = _glyphs()
        else:
            files = _of_test_classes(dataset, split) if dataset.class_names else _clusters()
        for path, data in files:
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data)
    return buffer.getvalue()


def _glyphs() -> Iterator[tuple[str, bytes]]:
    for character, hands in enumerate(glyphs.render(CLASSES, EACH, seed=2**31)):
        for hand, drawing in enumerate(hands):
            png = io.BytesIO()
            Image.fromarray(drawing).save(png, "PNG", optimize=True)
            yield f"glyph {character + 1:02d}/{hand + 1:02d}.png", png.getvalue()


def _clusters() -> Iterator[tuple[str, bytes]]:
    """One task, of which smaller ones can be drawn."""
    vectors = ClusterSampler(CLASSES // 2, EACH - 1, 1, seed=2**31).batch(0, 1).support[0]
    for number, rows in enumerate(vectors.unflatten(0, (CLASSES // 2, -1)).numpy()):
        for index, row in enumerate(rows):
            yield f"cluster {number + 1:02d}/{index + 1:02d}.json", _json(row)


def _of_test_classes(dataset: Dataset, split: Split) -> Iterator[tuple[str, bytes]]:
    positions = {name: index for index, name in enumerate(dataset.class_names)}
    for number, name in enumerate(split.test[:CLASSES]):
        start, end = dataset.offsets[positions[name] : positions[name] + 2]
        label = "".join(c for c in name.replace("/", " ") if c.isprintable()).strip() or f"class {number + 1}"
        for index, example in enumerate(dataset.examples[start : min(end, start + EACH)]):
            if isinstance(dataset.input, Vectors):
                yield f"{label}/{index + 1:02d}.json", _json(example)
            else:
                yield f"{label}/{index + 1:02d}.png", dataset.input.to_png(example)


def _json(vector: NDArray[np.float32]) -> bytes:
    return json.dumps([round(float(number), 6) for number in vector]).encode()
