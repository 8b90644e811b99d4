"""The service as processes of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.services import add_model

PROCESSES = 2


@dataclass(frozen=True)
class Service:
    """A running service: its address, the process that was started, and those that answer below it."""

    url: str
    parent: subprocess.Popen[bytes]

    def children(self) -> list[int]:
        pid = self.parent.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self) -> None:
        """End all at once, as a machine that fails does."""
        os.killpg(self.parent.pid, signal.SIGKILL)


@pytest.fixture
def own_database(tmp_path: Path, sqlite_template: Path, model_file: bytes) -> str:
    """URL of a database with the small model that nobody else uses."""
    path = shutil.copy(sqlite_template, tmp_path / "imaml.db")
    add_model(f"sqlite:///{path}", model_file)
    return f"sqlite:///{path}"


@pytest.fixture
def settings() -> dict[str, str]:
    """More of what the service runs with, for tests to replace."""
    return {}


@pytest.fixture
def service(own_database: str, tmp_path: Path, settings: dict[str, str]) -> Iterator[Service]:
    """A service of two processes with room in memory for a few adaptations."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        **settings,
        "IMAML_DATABASE_URL": own_database,
        "IMAML_CACHED_ADAPTATION_BYTES": "500000",
        "IMAML_PROCESSES": f"{PROCESSES}",
        "IMAML_WORKERS": f"{PROCESSES}",
    }
    command = [sys.executable, "-m", "imaml", "serve", "--port", str(port)]
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(command, env=environment, stderr=file, start_new_session=True) as parent,
    ):
        while "listening" not in log.read_text():
            assert parent.poll() is None, log.read_text()
        url = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{url}/readyz", timeout=60).is_success
        yield Service(url, parent)
        parent.terminate()
