"""Kill -9 in the middle of anything: the database holds whole adaptations or none."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.processes import Service
from tests.services import Examples, check_whole, form


@pytest.mark.parametrize("answered_before", [1, 3, 7])
def test_what_was_answered_is_whole_and_nothing_is_half_there(
    service: Service, own_database: str, examples: Examples, answered_before: int
) -> None:
    answered: list[str] = []

    def adapt(number: int) -> None:
        try:
            response = httpx.post(f"{service.url}/v1/adaptations", **form(examples), timeout=60)
        except httpx.TransportError:
            return  # it was killed
        answered.append(response.json()["id"])
        if len(answered) >= answered_before:
            service.kill()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(adapt, range(40)))
    assert service.parent.wait(10) != 0
    check_whole(own_database, answered)
