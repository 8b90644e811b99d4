"""Small things to store."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from imaml.store import Adaptation, Bundle, Evaluation, Experiment, Store, bundles
from imaml.store.tables import Blob

MakeExperiment = Callable[..., Experiment]
MakeEvaluation = Callable[..., Evaluation]
MakeAdaptation = Callable[..., Adaptation]


@pytest.fixture
def make_experiment() -> MakeExperiment:
    """Experiment that is not stored yet; arguments replace its fields."""

    def make(**fields: object) -> Experiment:
        defaults = {
            "name": "run",
            "algorithm": "imaml",
            "dataset": "omniglot",
            "config": {"lam": 0.1},
            "provenance": {"git_commit": "abc", "dirty": False},
            "split": {"train": ["a"], "validation": ["b"], "test": ["c"]},
            "total_steps": 100,
        }
        return Experiment(**{**defaults, **fields})  # pyright: ignore[reportArgumentType] (keywords by name)

    return make


@pytest.fixture
def make_evaluation() -> MakeEvaluation:
    """Evaluation that is not stored yet; arguments replace its fields."""

    def make(**fields: object) -> Evaluation:
        defaults = {
            "dataset": "omniglot",
            "split": "test",
            "ways": 5,
            "shots": 1,
            "queries": 5,
            "episodes": 3,
            "seed": 2**40,
            "transductive": False,
            "accuracy": 0.9,
            "ci95": 0.02,
            "accuracy_unadapted": 0.8,
            "accuracies": [0.9, 0.88, 0.92],
        }
        return Evaluation(**{**defaults, **fields})  # pyright: ignore[reportArgumentType] (keywords by name)

    return make


@pytest.fixture
def make_adaptation() -> MakeAdaptation:
    """Adaptation that is not stored yet; arguments replace its fields."""

    def make(**fields: object) -> Adaptation:
        defaults = {
            "name": "pets",
            "classes": ["cat", "dog"],
            "recipe": {"solver": "gradient_descent", "lam": 0.1},
            "solution": {"steps": 5, "converged": True},
            "unknown_threshold": 0.3,
            "warnings": ["one example a class"],
        }
        return Adaptation(**{**defaults, **fields})  # pyright: ignore[reportArgumentType] (keywords by name)

    return make


@pytest.fixture
def bundle() -> Bundle:
    """Complete small model."""
    return Bundle(
        description={"recipe": {"lam": 0.1}, "ways": {"min": 2, "max": 64}},
        parameters={
            "conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
            "scale": np.array([2], dtype=np.float32),
        },
        graphs={"centre": b"onnx one", "predict": b"onnx two" * 100},
        examples=b"a zip",
    )


@pytest.fixture
def bundle_data(bundle: Bundle) -> bytes:
    """The same model as a file."""
    return bundles.write(bundle)


@pytest.fixture
def model_id(store: Store, bundle_data: bytes) -> str:
    """Id of a model that all tenants share."""
    with store.transaction() as t:
        return t.models.add("net", bundle_data, shared=True).id


def count_blobs(engine: Engine) -> int:
    """Count the bytes objects that are stored."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Blob)) or 0
