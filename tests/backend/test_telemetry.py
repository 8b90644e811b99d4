"""Traces are sent where the environment says, and nowhere without it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backend import telemetry
from backend.server import ServerError, serve
from backend.settings import Settings
from tests.services import Serve


@pytest.fixture
def collector() -> Iterator[tuple[str, list[str], threading.Event]]:
    """Address of a collector, the names of the spans that it was sent, and an event for the first."""
    names: list[str] = []
    arrived = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
                names.extend(span.name for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", names, arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_are_traced_once_an_address_is_set(
    serve: Serve,
    collector: tuple[str, list[str], threading.Event],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, names, arrived = collector
    with serve(Settings(database_url=database_url)) as url:
        httpx.get(f"{url}/v1/models")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with serve(Settings(database_url=database_url)) as url:
        httpx.get(f"{url}/v1/experiments")
        assert arrived.wait(20)
    assert any("/v1/experiments" in name for name in names)
    assert not any("/v1/models" in name for name in names)


def test_without_the_extra_the_service_says_what_to_install(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(telemetry, "find_spec", lambda _: None)
    with pytest.raises(ServerError, match=r"imaml\[telemetry\]"):
        serve(port=0, settings=Settings(database_url=database_url))


def test_it_is_not_even_imported_without_being_asked_for() -> None:
    program = "import sys, backend.app; backend.app.create_app(); print('opentelemetry.sdk' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
