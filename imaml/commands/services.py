"""`imaml serve`, `dashboard`, `up` and `config`: the online side."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from types import FrameType

import click

from imaml import starter
from imaml.commands.database import open_store
from imaml.commands.output import json_option, print_json
from imaml.store.engine import parse_url, shown

HOST = "127.0.0.1"
READY_SECONDS = 120
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 15

api_port_option = click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, envvar="API_PORT", show_default=True
)
dashboard_port_option = click.option(
    "--port", type=click.IntRange(1, 65535), default=8501, envvar="DASHBOARD_PORT", show_default=True
)


class ServiceError(Exception):
    """A service that cannot start or has stopped; the message is a sentence for the user."""


@click.command()
@click.option("--host", default=HOST, show_default=True)
@api_port_option
def serve(host: str, port: int) -> None:
    """Run the API."""
    _require("fastapi", "api")
    from backend import server

    try:
        server.serve(host, port)
    except server.ServerError as error:
        raise ServiceError(str(error)) from error


@click.command()
@click.option("--host", default=HOST, show_default=True)
@dashboard_port_option
def dashboard(host: str, port: int) -> None:
    """Run the dashboard; it finds the API at IMAML_API_URL.

    It has no accounts of its own: whoever reaches it does there what IMAML_API_KEY may do.
    """
    _check_port(port, "--port or DASHBOARD_PORT")
    os.execv(sys.executable, _dashboard_command(port, host))


@click.command()
@click.option("--api-port", type=click.IntRange(1, 65535), default=8000, envvar="API_PORT", show_default=True)
@click.option(
    "--dashboard-port",
    type=click.IntRange(1, 65535),
    default=8501,
    envvar="DASHBOARD_PORT",
    show_default=True,
)
def up(api_port: int, dashboard_port: int) -> None:
    """Run the API and the dashboard together, with the starter model loaded, until Ctrl-C."""
    _check_port(api_port, "API_PORT")
    _check_port(dashboard_port, "DASHBOARD_PORT")
    starter.load(open_store())
    api_url = f"http://{HOST}:{api_port}"
    dashboard_url = f"http://{HOST}:{dashboard_port}"
    environment = {**os.environ, "IMAML_API_URL": api_url}
    api_command = [sys.executable, "-m", "imaml", "serve", "--port", str(api_port)]
    with _signals_stop(), _services() as running:
        running.append(_Service.start("API", api_command, f"{api_url}/readyz", environment))
        command = _dashboard_command(dashboard_port)
        health = f"{dashboard_url}/_stcore/health"
        quiet = subprocess.DEVNULL  # Streamlit prints a banner with the address there
        running.append(_Service.start("dashboard", command, health, environment, stdout=quiet))
        for service in running:
            service.wait_until_ready()
        click.echo(f"API        {api_url}  (documentation: {api_url}/docs)")
        click.echo(f"Dashboard  {dashboard_url}")
        click.echo("Ctrl-C stops both.")
        while True:
            for service in running:
                service.check()
            time.sleep(0.5)


@click.command()
@json_option
def config(as_json: bool) -> None:
    """Print the settings in force, secrets masked: those of the service and its limits among them."""
    from backend.settings import Settings  # those of every command, and more

    settings = Settings()
    values = settings.model_dump(mode="json")
    values["database_url"] = shown(parse_url(settings.database_url))
    values = {f"IMAML_{name.upper()}": value for name, value in values.items()}
    if as_json:
        print_json(values)
    else:
        for name, value in values.items():
            click.echo(f"{name}={'' if value is None else value}")


@dataclass(frozen=True)
class _Service:
    """A child process, and the address that answers once it is ready."""

    name: str
    process: subprocess.Popen[bytes]
    ready_url: str

    @classmethod
    def start(
        cls,
        name: str,
        command: list[str],
        ready_url: str,
        environment: dict[str, str],
        stdout: int | None = None,
    ) -> "_Service":
        # A session of its own: Ctrl-C then reaches this process alone, which stops its children in order.
        process = subprocess.Popen(command, env=environment, stdout=stdout, start_new_session=True)
        return cls(name, process, ready_url)

    def check(self) -> None:
        """Raise ServiceError if the process has ended."""
        if (status := self.process.poll()) is not None:
            raise ServiceError(f"the {self.name} has stopped with status {status}; what it printed says why")

    def wait_until_ready(self) -> None:
        """Return when the service answers; raise ServiceError if it stops or takes too long."""
        import httpx  # here, since `imaml serve` would wait a tenth of a second for it

        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                if httpx.get(self.ready_url, timeout=5, trust_env=False).is_success:  # no proxy for loopback
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise ServiceError(f"the {self.name} did not answer at {self.ready_url} in {READY_SECONDS} s")


@contextmanager
def _services() -> Generator[list[_Service], None, None]:
    """A list of services that are stopped together at the end, or when a signal asks for it."""
    running: list[_Service] = []
    try:
        yield running
    except KeyboardInterrupt:
        click.echo("stopping")
    finally:
        for service in running:
            service.process.terminate()
        for service in running:
            try:
                service.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                service.process.kill()


@contextmanager
def _signals_stop() -> Generator[None, None, None]:
    """Let SIGTERM, and the end of the terminal, mean what Ctrl-C means, also where a shell had it ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _dashboard_command(port: int, host: str = HOST) -> list[str]:
    _require("streamlit", "dashboard")
    spec = find_spec("dashboard.app")
    assert spec is not None
    assert spec.origin is not None
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", spec.origin, *arguments]


def _require(module: str, extra: str) -> None:
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ServiceError(f"{module} is not installed; run: pip install 'imaml[{extra}]'")


def _check_port(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServiceError(
                f"port {port} on {HOST} cannot be used ({error.strerror}); stop what uses it, "
                f"or choose another with {variable}"
            ) from error
