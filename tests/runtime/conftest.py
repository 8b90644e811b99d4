"""The small model, ready to adapt, and drawings to adapt to."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.model import MetaModel
from imaml.store import Bundle
from imaml.tasks import glyphs


@pytest.fixture(scope="session")
def model(model_bundle: Bundle) -> MetaModel:
    return MetaModel.load(model_bundle.description, model_bundle.parameters, model_bundle.graphs, threads=1)


@pytest.fixture(scope="session")
def drawings() -> NDArray[np.uint8]:
    """Preprocessed drawings [classes, examples, 28, 28]."""
    return glyphs.generate(classes=5, examples=12, seed=3).images.reshape(5, 12, 28, 28)
