"""The service as a process of its own."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import add_model

Service = tuple[str, subprocess.Popen[bytes]]


@pytest.fixture
def own_database(tmp_path: Path, sqlite_template: Path, model_file: bytes) -> str:
    """URL of a database with the small model that nobody else uses."""
    path = shutil.copy(sqlite_template, tmp_path / "imaml.db")
    add_model(f"sqlite:///{path}", model_file)
    return f"sqlite:///{path}"


@pytest.fixture
def service(own_database: str, tmp_path: Path) -> Iterator[Service]:
    """Address and process of a service with room in memory for a few adaptations."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"IMAML_DATABASE_URL": own_database, "IMAML_CACHED_ADAPTATION_BYTES": "500000"}
    command = [sys.executable, "-m", "imaml", "serve", "--port", str(port)]
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(command, env={**os.environ, **settings}, stderr=file) as process,
    ):
        while "listening" not in log.read_text():
            assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}", process
        process.terminate()
