"""The service as a command: what must hold before it starts, its processes, and how it stops."""

import errno
import ipaddress
import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from tempfile import TemporaryDirectory

from backend import logs, telemetry
from backend.settings import Settings
from imaml.runtime import devices
from imaml.runtime.devices import Chosen, DeviceError
from imaml.store import Store, create_engine, is_current

_BACKLOG = 2048


class ServerError(Exception):
    """Why the service cannot start; the message is a sentence for the user."""


def serve(host: str = "127.0.0.1", port: int = 8000, settings: Settings | None = None) -> None:
    """Serve until SIGINT or SIGTERM, and finish the requests under way.

    Port 0 is any free one; the log tells which. Raises ServerError for an address that cannot be used,
    ServerError or DatabaseError for the database.
    """
    settings = settings or Settings()
    has_keys = _check_database(settings)
    _check_telemetry()
    device = _check_device(settings)
    # One process gathers what waits for a GPU into batches; several would each take a part of its memory.
    count = 1 if device.device == "cuda" else min(settings.processes, settings.workers)
    with (
        _listen(host, port, has_keys) as listener,
        _metrics_of_all_processes(),
        _interrupted_by_signals(),
    ):
        from backend import processes

        logs.configure()
        # Connections are already taken, and wait for the application to start.
        logs.get_logger().info("listening", url=_url(listener), processes=count, **asdict(device))
        try:
            processes.run(count, settings, listener)
        except processes.ProcessError as error:
            raise ServerError(f"{error}") from error


@contextmanager
def _metrics_of_all_processes() -> Generator[None]:
    """Let each process count in files, which whichever is asked for the metrics adds up.

    prometheus_client looks for the variable when it is imported, so that what imports it comes after this.
    """
    with TemporaryDirectory(prefix="imaml-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


@contextmanager
def _interrupted_by_signals() -> Generator[None]:
    """Let SIGTERM mean what Ctrl-C means, and Ctrl-C too where a shell had it ignored."""
    before = {
        number: signal.signal(number, signal.default_int_handler)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _url(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_database(settings: Settings) -> bool:
    """Return whether any key has been made."""
    database = create_engine(settings.database_url)
    try:
        if not is_current(database):
            raise ServerError("The database is not at the newest migration; run `imaml db upgrade`.")
        with Store(database).reading() as transaction:
            return transaction.keys.exist()
    finally:
        database.dispose()


def _check_telemetry() -> None:
    try:
        telemetry.is_wanted()
    except telemetry.TelemetryError as error:
        raise ServerError(f"{error}") from error


def _check_device(settings: Settings) -> Chosen:
    try:
        return devices.choose(settings.device)
    except DeviceError as error:
        raise ServerError(f"{error}") from error


def _listen(host: str, port: int, has_keys: bool) -> socket.socket:
    """Bind here and not in uvicorn, so that an address in use is one clear line.

    Without keys nobody is asked who they are, so that others may not reach the service.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError as error:
        raise ServerError(f"{host!r} is no IP address; use 127.0.0.1.") from error
    if not loopback and not has_keys:
        raise ServerError(
            f"{host} can be reached from outside, and without keys the service asks nobody who they are; "
            "make one with `imaml keys create --tenant NAME --scopes adapt,predict`, or use 127.0.0.1."
        )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, port), family=family, backlog=_BACKLOG)
        # Connections inherit it. asyncio sets it for sockets that say they are TCP, which these do not; and
        # without it, an answer's second packet waits 40 ms for the first one to be acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"Port {port} on {host} is in use; stop what uses it, or choose another port."
            ) from error
        raise ServerError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error
    except OverflowError as error:
        raise ServerError(f"{port} is no port; choose one from 1 to 65535.") from error
