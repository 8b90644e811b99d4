"""A small data set and settings that train in a moment."""

from typing import Any

import pytest

from imaml.tasks import glyphs
from imaml.tasks.dataset import Dataset
from imaml.tasks.split import Split, split
from imaml.training.config import TrainingConfig


def small_config(**settings: Any) -> TrainingConfig:
    """Settings of a tiny run."""
    return TrainingConfig.model_validate(
        {
            "name": "small",
            "ways": 3,
            "queries": 2,
            "filters": 8,  # as the model of tests/models.py, so that its graphs serve here too
            "inner_steps": 2,
            "cg_steps": 2,
            "lam": 1.0,
            "meta_batch": 2,
            "meta_steps": 8,
            "validate_every": 3,
            "validation_episodes": 4,
            "device": "cpu",
            "minimal_export": True,  # nothing here needs the rest, which takes most of the time
            **settings,
        }
    )


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return glyphs.generate(classes=24, examples=6)


@pytest.fixture(scope="session")
def parts(dataset: Dataset) -> Split:
    return split(dataset, seed=0)
