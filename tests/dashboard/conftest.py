"""The pages run as Streamlit runs them, against a service with a small model."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from backend.settings import Settings
from imaml.client import Client
from imaml.store import Bundle, Store, bundles, create_engine
from tests.services import Examples, Serve, add_model

APP = Path(__file__).parents[2] / "dashboard" / "app.py"

Open = Callable[..., AppTest]


@pytest.fixture
def api(serve: Serve, sqlite_template: Path, tmp_path: Path, model_file: bytes) -> Iterator[Client]:
    """Client of a service on a fresh database with the model `small`."""
    path = shutil.copy(sqlite_template, tmp_path / "imaml.db")
    add_model(f"sqlite:///{path}", model_file)
    with serve(Settings(database_url=f"sqlite:///{path}")) as url, Client(url) as client:
        yield client


@pytest.fixture
def api_store(api: Client, tmp_path: Path) -> Iterator[Store]:
    """That service's store."""
    engine = create_engine(f"sqlite:///{tmp_path / 'imaml.db'}")
    yield Store(engine)
    engine.dispose()


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a page of the dashboard as a new visitor of the service at an address."""

    def run(url: str, page: str = "views/teach.py", query: Mapping[str, str] | None = None) -> AppTest:
        monkeypatch.setenv("IMAML_API_URL", url)
        app = AppTest.from_file(APP, default_timeout=60)
        app.session_state["way"] = app.session_state["query-way"] = "Upload"  # AppTest cannot draw
        app.run()
        app.switch_page(page)
        for name, value in (query or {}).items():
            app.query_params[name] = value
        return app.run()

    st.cache_resource.clear()
    st.cache_data.clear()
    yield run
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def strict_model(model_bundle: Bundle) -> bytes:
    """A model that is never sure enough of any class."""
    calibration = model_bundle.description["calibration"]
    [setting] = calibration["settings"]
    strict = {**calibration, "settings": [{**setting, "unknown_threshold": 1.0}]}
    return bundles.write(
        replace(model_bundle, description={**model_bundle.description, "calibration": strict})
    )


@pytest.fixture(scope="session")
def two(examples: Examples) -> Examples:
    """Examples of two characters."""
    return dict(list(examples.items())[:2])
