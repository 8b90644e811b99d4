"""Small models, each made once, for the tests that need one: random parameters and real graphs."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from imaml.export.bundle import export
from imaml.nets.conv4 import Conv4
from imaml.nets.heads import PlainHead, PrototypeHead
from imaml.nets.losses import SquaredError
from imaml.nets.mlp import MLP
from imaml.nets.predictor import Predictor
from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.store import Bundle, bundles
from imaml.tasks import glyphs

CALIBRATION: dict[str, Any] = {
    "settings": [
        {
            "ways": 5, "shots": 1, "temperature": 1.25, "unknown_threshold": 0.3, "spread": 1.5,
            "home_threshold": 2.0,
        },
    ],
    "distance": 40.0,
    "home": {"mean": [0.0], "scale": [1.0]},
}  # fmt: skip
"""Of the order of what is measured; one mean and scale stand for all numbers of a signature."""
DESCRIPTION: dict[str, Any] = {
    "name": "small",
    "dataset": "glyphs",
    "input": Drawings().describe(),
    "ways": {"min": 2, "max": 6},
    "recipe": {"solver": "gradient_descent", "max_steps": 5, "inner_lr": 0.1, "lam": 0.5, "tolerance": 0.0},
    "architecture": {"filters": 8, "head": "prototype", "ways": 5, "channels": 1, "size": 28},
    "calibration": CALIBRATION,
    "split": {"train": ["a"], "validation": ["b"], "test": ["c"]},
}
CLASSES, EXAMPLES_EACH = 6, 5
LENGTH = 4
"""Of the vectors that `vectors` is for."""


def described(name: str, recipe: Mapping[str, object] | None = None, **parts: object) -> dict[str, Any]:
    """A model's description, with these parts and settings of its recipe instead."""
    return {**DESCRIPTION, "name": name, "recipe": {**DESCRIPTION["recipe"], **(recipe or {})}, **parts}


def exported(predictor: Predictor, description: dict[str, Any], *optional: str) -> Bundle:
    bundle = export(predictor, predictor.initialise(torch.Generator().manual_seed(0)), optional)
    return replace(bundle, description={**description, **bundle.description})


@pytest.fixture(scope="session")
def model_bundle() -> Bundle:
    """A model on drawings, with eight filters and example images."""
    network = Conv4(filters=8)
    bundle = exported(Predictor(network, PrototypeHead(network.features)), DESCRIPTION)
    return replace(bundle, examples=_drawings())


@pytest.fixture(scope="session")
def model_file(model_bundle: Bundle) -> bytes:
    """The same model as an `.imaml` file."""
    return bundles.write(model_bundle)


@pytest.fixture(scope="session")
def newton_bundle(model_bundle: Bundle) -> Bundle:
    """The same model, but for its recipe, which needs one graph more."""
    network = Conv4(filters=8)
    description = described("newton", {"solver": "newton_cg", "max_steps": 2, "cg_steps": 3})
    return exported(Predictor(network, PrototypeHead(network.features)), description, "curvature_product")


@pytest.fixture(scope="session")
def photo_bundle() -> Bundle:
    """A model on small RGB photographs."""
    network = Conv4(channels=3, filters=8, size=16, pool=True)
    architecture = {
        "network": "conv4_pool", "filters": 8, "head": "prototype", "ways": 5, "channels": 3, "size": 16,
    }  # fmt: skip
    description = described("photos", input=Photos(3, 16, 16).describe(), architecture=architecture)
    return exported(Predictor(network, PrototypeHead(network.features)), description)


@pytest.fixture(scope="session")
def vector_bundle() -> Bundle:
    """A model on vectors of four features, the last of them constant, with examples of three classes."""
    network = MLP(LENGTH, (8, 8))
    architecture = {"network": "mlp", "filters": 8, "head": "prototype", "ways": 3, "length": LENGTH}
    inputs = Vectors(mean=(1.0, -2.0, 0.0, 5.0), scale=(2.0, 0.5, 1.0, 0.0))
    description = described("vectors", input=inputs.describe(), architecture=architecture, dataset="table")
    bundle = exported(Predictor(network, PrototypeHead(network.features)), description)
    return replace(bundle, examples=_vectors())


@pytest.fixture(scope="session")
def regression_bundle() -> Bundle:
    """A model that predicts a number from one."""
    network = MLP(1, (8, 8))
    architecture = {
        "network": "mlp", "filters": 8, "head": "plain", "ways": 1, "length": 1, "task": "regression",
    }  # fmt: skip
    description = described(
        "sines",
        {"inner_lr": 0.02, "lam": 0.0},
        dataset="sinusoid",
        task="regression",
        input=Vectors((0.0,), (1.0,)).describe(),
        ways={"min": 1, "max": 1},
        architecture=architecture,
    )
    del description["calibration"]
    return exported(Predictor(network, PlainHead(network.features, 1), SquaredError()), description)


def class_vectors(classes: int, each: int, seed: int) -> np.ndarray:
    """Vectors [classes, each, 4] that lie around a point for each class."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 3, (classes, 1, LENGTH))
    return (centres + generator.normal(0, 0.3, (classes, each, LENGTH))).astype(np.float32)


def _drawings() -> bytes:
    files: dict[str, bytes] = {}
    for character, hands in enumerate(glyphs.render(CLASSES, EXAMPLES_EACH, seed=1)):
        for hand, drawing in enumerate(hands):
            png = io.BytesIO()
            Image.fromarray(drawing).save(png, "PNG")
            files[f"glyph {character}/{hand:02d}.png"] = png.getvalue()
    return _zip(files)


def _vectors() -> bytes:
    vectors = class_vectors(3, EXAMPLES_EACH, seed=2)
    return _zip(
        {
            f"class {k}/{index:02d}.json": json.dumps(vector.tolist()).encode()
            for k, rows in enumerate(vectors)
            for index, vector in enumerate(rows)
        }
    )


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()
