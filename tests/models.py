"""A small model, made once, for the tests that need one: random parameters, real graphs, example images."""

import io
import zipfile
from dataclasses import replace

import pytest
import torch
from PIL import Image

from imaml.export.bundle import export
from imaml.nets.conv4 import Conv4
from imaml.nets.heads import PrototypeHead
from imaml.nets.predictor import Predictor
from imaml.runtime import preprocessing
from imaml.store import Bundle, bundles
from imaml.tasks import glyphs

DESCRIPTION = {
    "name": "small",
    "dataset": "glyphs",
    "input": {
        "kind": "image",
        "channels": 1,
        "height": preprocessing.SIZE,
        "width": preprocessing.SIZE,
        "preprocessing": preprocessing.VERSION,
    },
    "ways": {"min": 2, "max": 6},
    "recipe": {"solver": "gradient_descent", "max_steps": 5, "inner_lr": 0.1, "lam": 0.5, "tolerance": 0.0},
    "architecture": {"filters": 8, "head": "prototype", "ways": 5, "channels": 1, "size": 28},
    "thresholds": [{"ways": 5, "shots": 1, "threshold": 0.3}],
    "split": {"train": ["a"], "validation": ["b"], "test": ["c"]},
}
CLASSES, EXAMPLES_EACH = 6, 5


@pytest.fixture(scope="session")
def model_bundle() -> Bundle:
    """A model with eight filters."""
    network = Conv4(filters=8)
    predictor = Predictor(network, PrototypeHead(network.features))
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    return replace(export(predictor, theta, DESCRIPTION), examples=_examples())


@pytest.fixture(scope="session")
def model_file(model_bundle: Bundle) -> bytes:
    """The same model as an `.imaml` file."""
    return bundles.write(model_bundle)


def _examples() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for character, hands in enumerate(glyphs.render(CLASSES, EXAMPLES_EACH, seed=1)):
            for hand, drawing in enumerate(hands):
                png = io.BytesIO()
                Image.fromarray(drawing).save(png, "PNG")
                archive.writestr(f"glyph {character}/{hand:02d}.png", png.getvalue())
    return buffer.getvalue()
