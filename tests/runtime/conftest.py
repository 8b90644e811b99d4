"""The small models, ready to adapt, and examples to adapt to."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.model import MetaModel
from imaml.store import Bundle
from imaml.tasks import glyphs
from tests.models import class_vectors


def load(bundle: Bundle) -> MetaModel:
    return MetaModel.load(bundle.description, bundle.parameters, bundle.graphs, threads=1)


@pytest.fixture(scope="session")
def model(model_bundle: Bundle) -> MetaModel:
    return load(model_bundle)


@pytest.fixture(scope="session")
def newton_model(newton_bundle: Bundle) -> MetaModel:
    return load(newton_bundle)


@pytest.fixture(scope="session")
def photo_model(photo_bundle: Bundle) -> MetaModel:
    return load(photo_bundle)


@pytest.fixture(scope="session")
def vector_model(vector_bundle: Bundle) -> MetaModel:
    return load(vector_bundle)


@pytest.fixture(scope="session")
def regression_model(regression_bundle: Bundle) -> MetaModel:
    return load(regression_bundle)


@pytest.fixture(scope="session")
def drawings() -> NDArray[np.uint8]:
    """Preprocessed drawings [classes, examples, 1, 28, 28]."""
    return glyphs.generate(classes=5, examples=12, seed=3).examples.reshape(5, 12, 1, 28, 28)


@pytest.fixture(scope="session")
def vectors() -> NDArray[np.float32]:
    """Vectors [classes, examples, 4]."""
    return class_vectors(3, 6, seed=5)
