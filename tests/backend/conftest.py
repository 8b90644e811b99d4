"""A service with models of every kind, for what differs between them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.settings import Settings
from imaml.client import Client
from imaml.store import Bundle, bundles
from tests.services import Serve, add_model


@pytest.fixture(scope="session")
def every_kind_url(
    serve: Serve,
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    model_file: bytes,
    newton_bundle: Bundle,
    photo_bundle: Bundle,
    vector_bundle: Bundle,
    regression_bundle: Bundle,
) -> Iterator[str]:
    """Address of a service with the models `small`, `newton`, `photos`, `vectors` and `sines`."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("kinds") / "imaml.db")
    url = f"sqlite:///{path}"
    add_model(url, model_file)
    for bundle in (newton_bundle, photo_bundle, vector_bundle, regression_bundle):
        add_model(url, bundles.write(bundle), bundle.description["name"])
    with serve(Settings(database_url=url)) as address:
        yield address


@pytest.fixture
def kinds(every_kind_url: str) -> Iterator[Client]:
    """That service's client."""
    with Client(every_kind_url) as client:
        yield client
