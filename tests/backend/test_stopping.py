"""A service that is told to stop says so, takes its time as told, and loses no request that it has taken."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from imaml.client import ApiError, ApiUnreachable, Client
from tests.processes import Service
from tests.services import Examples


@pytest.fixture
def settings() -> dict[str, str]:
    """What the service runs with."""
    return {"IMAML_DRAIN_SECONDS": "1.5"}


def test_it_is_not_ready_at_once_and_goes_on_for_as_long_as_told(
    service: Service, examples: Examples
) -> None:
    with Client(service.url, retries=0) as client, ThreadPoolExecutor(4) as pool:
        known = client.adapt("small", examples).id
        slow = [pool.submit(client.adapt, "small", examples, max_steps=300, tolerance=0) for _ in range(4)]
        service.parent.send_signal(signal.SIGTERM)
        told = time.monotonic()
        while httpx.get(f"{service.url}/readyz", timeout=30).status_code == 200:
            assert time.monotonic() - told < 1  # each process says so as soon as it gets the signal
        assert client.adaptation(known).id == known  # which those that ask meanwhile are still told
        assert len({request.result().id for request in slow}) == 4
        assert service.parent.wait(30) == 0
        assert time.monotonic() - told > 1.4
        with pytest.raises((ApiUnreachable, ApiError)):
            client.limits()
