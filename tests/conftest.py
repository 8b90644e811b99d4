"""What tests of several parts share."""

import pytest
import torch

pytest_plugins = [
    *("tests.archives", "tests.browser", "tests.databases", "tests.exports"),
    *("tests.models", "tests.services", "tests.processes"),
]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small tensors gain nothing from more, and tests that run side by side would fight for the cores."""
    torch.set_num_threads(1)
