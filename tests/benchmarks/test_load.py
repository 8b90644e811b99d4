"""The clients count what a server answers, and a server is ready, measured and ended."""

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.load import Connection, Request, apply
from benchmarks.service import HOST, ServiceError, free_port, start


class Answering(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer((HOST, 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_answers_are_counted_by_kind(port: int) -> None:
    requests = [Request.post(f"/{status}", {}) for status in (200, 503, 500)]
    answers, rate = apply(port, requests, clients=1, seconds=0.3)
    counts = (len(answers.seconds), answers.refused, answers.failures)
    assert min(counts) > 0
    assert max(counts) - min(counts) <= 1
    assert 0 < rate <= len(answers.seconds) / 0.3


def test_a_server_that_is_not_there_is_a_failure() -> None:
    answers, rate = apply(free_port(), [Request.post("/200", {})], clients=1, seconds=0.05)
    assert answers.failures > 0
    assert rate == 0


def test_what_fails_is_not_taken_for_an_answer(port: int) -> None:
    connection = Connection(port)
    assert connection.json(Request.post("/201", {})) == {}
    with pytest.raises(ValueError, match="answered with 404"):
        connection.json(Request.post("/404", {}))
    connection.close()


def test_a_server_is_measured_and_ended(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", HOST, str(port)]
    with start(command, port, "/", tmp_path) as server:
        assert 0 < server.start_seconds < 60
        assert 2**20 < min(server.resident_bytes) <= max(server.resident_bytes) < 2**30
    assert server.process.returncode is not None


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no room')"]
    with pytest.raises(ServiceError, match="no room"), start(command, free_port(), "/", tmp_path):
        pass
