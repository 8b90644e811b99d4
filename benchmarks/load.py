"""Clients that send one request after the other, each as soon as it has its answer to the last."""

import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from benchmarks.service import HOST

FULL = 503


class Request(NamedTuple):
    """What to send."""

    method: str
    path: str
    body: bytes = b""

    @classmethod
    def post(cls, path: str, body: Any) -> "Request":
        """JSON to a path."""
        return cls("POST", path, json.dumps(body).encode())


@dataclass
class Answers:
    """How a server did."""

    seconds: list[float] = field(default_factory=list[float])
    """Of each request that succeeded."""
    refused: int = 0
    """Requests for which the server was too full."""
    failures: int = 0
    """Those that failed in any other way."""


class Connection:
    """One that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def send(self, request: Request) -> tuple[int, bytes]:
        """Status and body of the answer."""
        headers = {"Content-Type": "application/json"} if request.body else {}
        self._connection.request(request.method, request.path, request.body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def json(self, request: Request) -> Any:
        """What the answer says. Raises ValueError where the request did not succeed."""
        status, body = self.send(request)
        if status >= 300:
            raise ValueError(f"{request.method} {request.path} was answered with {status}: {body.decode()}")
        return json.loads(body) if body else None

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def apply(port: int, requests: Sequence[Request], clients: int, seconds: float) -> tuple[Answers, float]:
    """Let as many clients send the requests in turn for so long; with the answers per second."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        client = partial(_client, port, requests, started + seconds)
        parts = list(pool.map(client, range(clients)))
    answers = Answers(
        [second for part in parts for second in part.seconds],
        sum(part.refused for part in parts),
        sum(part.failures for part in parts),
    )
    return answers, len(answers.seconds) / (time.perf_counter() - started)


def _client(port: int, requests: Sequence[Request], deadline: float, first: int) -> Answers:
    answers, connection = Answers(), Connection(port)
    count = first
    while (started := time.perf_counter()) < deadline:
        try:
            status, _ = connection.send(requests[count % len(requests)])
        except (OSError, http.client.HTTPException):
            status = 0
            connection.close()  # the next request opens it again
        if status in (200, 201):
            answers.seconds.append(time.perf_counter() - started)
        elif status == FULL:
            answers.refused += 1
        else:
            answers.failures += 1
        count += 1
    connection.close()
    return answers
