"""A service that is told to stop says so, takes its time as told, and loses no request that it has taken."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from imaml.client import ApiError, ApiUnreachable, Client
from tests.processes import Service
from tests.services import Examples


@pytest.mark.parametrize("settings", [{"IMAML_DRAIN_SECONDS": "1.5"}])
def test_it_is_not_ready_at_once_and_goes_on_for_as_long_as_told(
    service: Service, examples: Examples
) -> None:
    with Client(service.url, retries=0) as client, ThreadPoolExecutor(4) as pool:
        known = client.adapt("small", examples).id
        slow = [pool.submit(client.adapt, "small", examples, max_steps=300, tolerance=0) for _ in range(4)]
        for pid in (*service.children(), service.parent.pid):  # as where a whole group is told
            os.kill(pid, signal.SIGTERM)
        told = time.monotonic()
        while httpx.get(f"{service.url}/readyz", timeout=30).status_code == 200:
            assert time.monotonic() - told < 1  # each process says so as soon as it gets the signal
        assert client.adaptation(known).id == known  # which those that ask meanwhile are still told
        assert len({request.result().id for request in slow}) == 4
        assert service.parent.wait(30) == 0
        assert time.monotonic() - told > 1.4
        with pytest.raises((ApiUnreachable, ApiError)):
            client.limits()


@pytest.mark.parametrize("settings", [{"IMAML_STOP_SECONDS": "1"}])
def test_what_takes_longer_than_allowed_is_told_and_cut_off(service: Service, examples: Examples) -> None:
    many = {label: files * 30 for label, files in examples.items()}
    with Client(service.url, retries=0) as client, ThreadPoolExecutor(1) as pool:
        client.adapt("small", examples)
        slow = pool.submit(client.adapt, "small", many, max_steps=1000, tolerance=0)
        while not _busy(service):
            pass
        service.parent.send_signal(signal.SIGTERM)
        told = time.monotonic()
        with pytest.raises(ApiError) as error:
            slow.result()
        assert (error.value.status, error.value.type) == (503, "/problems/stopping")
        assert service.parent.wait(30) == 0
        assert time.monotonic() - told < 10


def _busy(service: Service) -> float:
    """Workers at work, of all processes."""
    metrics = httpx.get(f"{service.url}/metrics", timeout=30).text.splitlines()
    return sum(float(line.split()[-1]) for line in metrics if line.startswith("imaml_engine_busy"))
