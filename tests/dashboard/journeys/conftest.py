"""A running dashboard, over a service with the starter model, for a real browser."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.settings import Settings
from imaml import starter
from imaml.store import Store, create_engine
from tests.services import Serve


@pytest.fixture(scope="session")
def dashboard_url(
    serve: Serve, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a running dashboard; its service has the starter model."""
    url = f"sqlite:///{tmp_path_factory.mktemp('journey') / 'imaml.db'}"
    Path(url.removeprefix("sqlite:///")).write_bytes(sqlite_template.read_bytes())
    engine = create_engine(url)
    starter.load(Store(engine))
    engine.dispose()
    with serve(Settings(database_url=url)) as api_url, run_dashboard(api_url) as dashboard:
        yield dashboard


@contextmanager
def run_dashboard(api_url: str) -> Iterator[str]:
    """A dashboard over a service, by its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "imaml", "dashboard", "--port", str(port)]
    environment = {**os.environ, "IMAML_API_URL": api_url, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(line.split()[-1] for line in process.stdout if "URL:" in line)
        finally:
            process.terminate()
            process.wait()  # before its output is closed, on which it reports that it stops


@pytest.fixture
def lonely_dashboard_url() -> Iterator[str]:
    """Address of a dashboard that has just been started, without a service."""
    with run_dashboard("http://127.0.0.1:9") as dashboard:
        yield dashboard
