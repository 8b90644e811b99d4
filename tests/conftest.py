"""What tests of several parts share."""

import pytest
import torch

pytest_plugins = ["tests.archives", "tests.databases", "tests.models", "tests.services", "tests.processes"]


MODELS = {"model_bundle", "newton_bundle", "photo_bundle", "vector_bundle", "regression_bundle"}
EXPORTING = {"test_every_model", "test_verification", "test_batched_graph", "test_adaptation"}


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that export models run in one process, which makes each kind of graph once."""
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        if MODELS & set(fixtures) or item.path.match("export/*.py") or item.path.stem in EXPORTING:
            item.add_marker(pytest.mark.xdist_group("exports"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small tensors gain nothing from more, and tests that run side by side would fight for the cores."""
    torch.set_num_threads(1)
