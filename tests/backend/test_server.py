"""The service as a process: it starts where it can, says in one line why it cannot, and stops when told."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.server import ServerError, serve
from backend.settings import Settings
from imaml.store import DatabaseError, upgrade

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(sqlite_template: Path) -> Settings:
    """Settings with a current database."""
    return Settings(database_url=f"sqlite:///{sqlite_template}")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A service on a free port."""
    url = f"sqlite:///{tmp_path / 'imaml.db'}"
    upgrade(url)
    command = [sys.executable, "-c", "from backend.server import serve; serve(port=0)"]
    environment = {**os.environ, "IMAML_DATABASE_URL": url}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_it_cleanly(process: subprocess.Popen[str], number: signal.Signals) -> None:
    assert process.stderr is not None
    url = json.loads(process.stderr.readline())["url"]
    assert url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{url}/healthz", timeout=30).is_success
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_port_in_use_is_one_clear_line(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} .* in use"):
            serve(port=port, settings=settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_without_keys_it_listens_to_this_machine_alone(settings: Settings, host: str) -> None:
    with pytest.raises(ServerError, match=r"from outside.*imaml keys create.*127\.0\.0\.1"):
        serve(host=host, settings=settings)


def test_host_that_is_none_is_one_clear_line(settings: Settings) -> None:
    with pytest.raises(ServerError, match="no IP address"):
        serve(host="everywhere", settings=settings)


def test_outdated_database_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="imaml db upgrade"):
        serve(port=0, settings=Settings(database_url=f"sqlite:///{tmp_path / 'imaml.db'}"))


def test_broken_database_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "imaml.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseError, match=r"imaml\.db"):
        serve(port=0, settings=Settings(database_url=f"sqlite:///{path}"))
