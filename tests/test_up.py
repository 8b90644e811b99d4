"""`imaml up`: both services with the starter model, stopped together; one line for what is in the way."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from imaml import starter
from imaml.store import Store


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    api_port, dashboard_port = free_ports()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMAML_")}
    ports = {"API_PORT": str(api_port), "DASHBOARD_PORT": str(dashboard_port)}
    return {**inherited, **ports, "IMAML_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}


UP = [sys.executable, "-m", "imaml", "up"]


@pytest.fixture
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Both services, ready."""
    with subprocess.Popen(UP, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_both_answer_with_the_starter_model_and_stop_together(
    running: subprocess.Popen[str], environment: dict[str, str], number: signal.Signals
) -> None:
    api = f"http://127.0.0.1:{environment['API_PORT']}"
    dashboard = f"http://127.0.0.1:{environment['DASHBOARD_PORT']}"
    stored = {model["name"] for model in httpx.get(f"{api}/v1/models").json()["items"]}
    assert stored == {*starter.NAMES}
    assert httpx.get(dashboard).is_success
    running.send_signal(number)
    assert running.wait(30) == 0
    for port in (environment["API_PORT"], environment["DASHBOARD_PORT"]):
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(port))):
            pass


def refusal(environment: dict[str, str], folder: Path | None = None) -> str:
    """The one line with which `imaml up` refuses to start."""
    ended = subprocess.run(UP, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize("variable", ["API_PORT", "DASHBOARD_PORT"])
def test_a_port_in_use_is_one_line_that_names_the_variable(
    environment: dict[str, str], variable: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        environment[variable] = str(occupied.getsockname()[1])
        message = refusal(environment)
    assert environment[variable] in message
    assert variable in message


def test_a_broken_database_file_is_one_line_that_names_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "imaml.db").write_bytes(b"this is no database" * 100)
    assert "imaml.db" in refusal(environment)


def test_a_missing_starter_model_is_one_line_that_says_what_to_do(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A copy of the package without the file."""
    for package in ("imaml", "backend", "dashboard", "migrations"):
        shutil.copytree(Path(starter.__file__).parent.parent / package, tmp_path / package)
    (tmp_path / "imaml" / "starter.imaml").unlink()
    message = refusal(environment, folder=tmp_path)
    assert "model starter is missing" in message
    assert "restore it" in message


def test_a_second_start_does_not_store_the_starter_model_again(store: Store) -> None:
    starter.load(store)
    starter.load(store)
    with store.reading() as transaction:
        assert [model.version for model in transaction.models.list().items] == [1, 1]
