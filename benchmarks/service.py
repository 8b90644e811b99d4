"""Servers in processes of their own: ours with the starter model in a fresh database, and any other."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imaml.store import Store, create_engine

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120


class ServiceError(RuntimeError):
    """A server that does not start."""


@dataclass(frozen=True)
class Server:
    """One that is ready."""

    process: subprocess.Popen[bytes]
    port: int
    start_seconds: float
    """From the start of its process until it was ready."""

    @property
    def resident_bytes(self) -> list[int]:
        """The memory that each of its processes takes up (on Linux); what they share counts for each."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in (parent, *children)]
        return [int(count) * os.sysconf("SC_PAGE_SIZE") for count in pages]


@contextmanager
def start(command: Sequence[str], port: int, ready: str, home: Path) -> Generator[Server, None, None]:
    """A server from its start, once it answers the path `ready` with 200, to the end of the context.

    Raises ServiceError where it does not.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAML_")}
    started = time.perf_counter()
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**environment, "IMAML_HOME": str(home)},
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that its own children can be ended with it
        )
    try:
        _wait(process, port, ready, started + PATIENCE_SECONDS, log)
        yield Server(process, port, time.perf_counter() - started)
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):  # nothing of it is left
                os.killpg(process.pid, number)
            process.wait()


@contextmanager
def api(model: bytes) -> Generator[Server, None, None]:
    """Ours, with the bytes of an `.imaml` file as the model `starter`."""
    with TemporaryDirectory() as home:
        imaml = [sys.executable, "-m", "imaml"]
        database = f"sqlite:///{home}/imaml.db"
        subprocess.run(
            [*imaml, "db", "upgrade"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            env={**os.environ, "IMAML_DATABASE_URL": database},
        )
        engine = create_engine(database)
        with Store(engine).transaction() as transaction:
            transaction.models.add("starter", model, shared=True)
        engine.dispose()
        port = free_port()
        with start([*imaml, "serve", "--port", str(port)], port, "/readyz", Path(home)) as server:
            yield server


def free_port() -> int:
    """One that nothing listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], port: int, ready: str, deadline: float, log: Path) -> None:
    while time.perf_counter() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", ready)
            if connection.getresponse().status == 200:
                return
        except OSError:  # not yet
            pass
        finally:
            connection.close()
        time.sleep(0.005)
    lines = log.read_text().strip().splitlines()
    raise ServiceError(f"the server did not start: {lines[-1] if lines else 'it said nothing'}")
