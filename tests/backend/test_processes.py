"""Several processes are one service: what one has learned all know, and it outlives the death of each."""

import os
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from backend import processes
from backend.settings import Settings
from tests.processes import PROCESSES, Service
from tests.services import Examples, check_whole, form

CONNECTIONS = 24
LEARNERS = 32


def get(url: str) -> httpx.Response:
    """Ask over a connection of its own, for which any process may answer."""
    return httpx.get(url, timeout=60)


def ended(pid: int) -> bool:
    """Whether a process is no more, or is only still listed because nobody has asked how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_every_process_serves_every_adaptation_until_it_is_deleted(
    service: Service, examples: Examples, queries: list[bytes]
) -> None:
    assert len(service.children()) == PROCESSES
    made = httpx.post(f"{service.url}/v1/adaptations", **form(examples), timeout=60).json()["id"]
    url = f"{service.url}/v1/adaptations/{made}"

    def predict(_: int) -> str:
        response = httpx.post(f"{url}/predictions", files=[("images", queries[0])], timeout=60)
        assert response.status_code == 200
        return response.text

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        assert len(set(pool.map(predict, range(CONNECTIONS)))) == 1
        assert httpx.delete(url, timeout=60).status_code == 204
        assert {answer.status_code for answer in pool.map(get, [url] * CONNECTIONS)} == {404}


def test_many_who_teach_at_once_are_all_met(service: Service, own_database: str, examples: Examples) -> None:
    def adapt(_: int) -> httpx.Response:
        return httpx.post(f"{service.url}/v1/adaptations", **form(examples), timeout=60)

    with ThreadPoolExecutor(LEARNERS) as pool:
        answers = list(pool.map(adapt, range(2 * LEARNERS)))
    assert {answer.status_code for answer in answers} == {201}
    check_whole(own_database, [answer.json()["id"] for answer in answers])


def test_metrics_are_those_of_all_processes(service: Service) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(get, [f"{service.url}/healthz"] * CONNECTIONS))
    counted = 0.0
    for _ in range(100):  # a request is counted when it has been answered
        metrics = get(f"{service.url}/metrics").text
        counted = sum(map(float, re.findall(r'http_requests_total\{handler="/healthz".*\} (\S+)', metrics)))
        if counted >= CONNECTIONS:
            break
    assert counted == CONNECTIONS


def test_a_process_that_dies_is_replaced(service: Service) -> None:
    before = service.children()
    os.kill(before[0], signal.SIGKILL)
    while before[0] in service.children() or len(service.children()) < PROCESSES:
        assert service.parent.poll() is None
    assert before[1] in service.children()
    for _ in range(CONNECTIONS):
        assert get(f"{service.url}/healthz").is_success


def test_processes_end_with_the_one_that_was_started(service: Service) -> None:
    children = service.children()
    service.parent.kill()
    service.parent.wait()
    while not all(ended(child) for child in children):
        pass
    with pytest.raises(httpx.ConnectError):
        get(f"{service.url}/healthz")


def test_processes_that_cannot_start_are_one_clear_line(capfd: pytest.CaptureFixture[str]) -> None:
    closed = socket.socket()
    closed.close()
    with pytest.raises(processes.ProcessError, match="status 1"):
        processes.run(2, Settings(database_url="sqlite:////nowhere/imaml.db"), closed)
    capfd.readouterr()
