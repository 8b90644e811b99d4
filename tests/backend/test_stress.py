"""64 clients that adapt, predict, delete and go away in the middle: right answers, no surprise, flat memory.

`STRESS_ACTIONS` makes it longer than the few seconds that it takes among the other tests.
"""

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.processes import Service
from tests.services import Examples, form

ACTIONS = int(os.environ.get("STRESS_ACTIONS", "3"))
"""Of each client, in each third."""
CLIENTS = 64
DOCUMENTED = {200, 201, 204, 404, 503}
"""What may be answered here: an adaptation that another task has just deleted is unknown."""


def resident(service: Service) -> int:
    """Bytes of memory of all its processes."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in service.children()]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


class Crowd:
    """The clients, what they may ask, and what they saw."""

    def __init__(self, http: httpx.AsyncClient, lessons: list[dict[str, Any]], query: bytes) -> None:
        self.http = http
        self.lessons = lessons
        self.query = query
        self.expected: list[list[float]] = []
        self.statuses: Counter[int] = Counter()
        self.wrong: list[float] = []

    async def learn_alone(self) -> None:
        """The answer of each lesson while nobody else asks."""
        for lesson in self.lessons:
            made = (await self.http.post("/v1/adaptations", **lesson)).json()["id"]
            self.expected.append(self.probabilities(await self.ask(made)))

    async def ask(self, adaptation: str) -> httpx.Response:
        files = [("images", ("query.png", self.query))]
        return await self.http.post(f"/v1/adaptations/{adaptation}/predictions", files=files)

    @staticmethod
    def probabilities(response: httpx.Response) -> list[float]:
        return [*response.json()["predictions"][0]["probabilities"].values()]

    async def client(self, number: int) -> None:
        choose = random.Random(number)
        own: list[tuple[str, int]] = []
        for _ in range(ACTIONS):
            action = choose.random()
            if action < 0.3 or not own:
                lesson = choose.randrange(len(self.lessons))
                response = await self.http.post("/v1/adaptations", **self.lessons[lesson])
                if self.seen(response):
                    own.append((response.json()["id"], lesson))
            elif action < 0.8:
                adaptation, lesson = choose.choice(own)
                response = await self.ask(adaptation)
                if self.seen(response):
                    difference = np.subtract(self.probabilities(response), self.expected[lesson])
                    self.wrong += [worst] if (worst := float(np.abs(difference).max())) > 1e-5 else []
            elif action < 0.9:
                adaptation, _ = own.pop(choose.randrange(len(own)))
                self.seen(await self.http.delete(f"/v1/adaptations/{adaptation}"))
                self.seen(await self.ask(adaptation))
            else:
                await self.go_away(choose)

    async def go_away(self, choose: random.Random) -> None:
        """Ask, and do not wait for the answer."""
        request = self.http.build_request("POST", "/v1/adaptations", **choose.choice(self.lessons))
        headers = [f"{name}: {value}" for name, value in request.headers.items()]
        head = "\r\n".join([f"POST {request.url.path} HTTP/1.1", *headers, "", ""])
        _, writer = await asyncio.open_connection(request.url.host, request.url.port)
        writer.write(head.encode() + await request.aread())
        await writer.drain()
        await asyncio.sleep(choose.uniform(0, 0.05))  # while its work waits, runs or is stored
        writer.close()
        await writer.wait_closed()

    def seen(self, response: httpx.Response) -> bool:
        """Note how it was answered; whether it was well."""
        self.statuses[response.status_code] += 1
        return response.is_success and response.status_code != 204


async def crowd(service: Service, lessons: list[dict[str, Any]], query: bytes) -> tuple[Crowd, list[int]]:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=limits) as http:
        clients = Crowd(http, lessons, query)
        await clients.learn_alone()
        memory: list[int] = []
        for part in range(3):
            await asyncio.gather(*(clients.client(CLIENTS * part + n) for n in range(CLIENTS)))
            memory.append(resident(service))
        ready = await http.get("/readyz")
        assert ready.status_code == 200
        gauges = (await http.get("/metrics")).text
        assert "imaml_engine_waiting 0.0" in gauges
        assert "imaml_engine_busy 0.0" in gauges
    return clients, memory


def test_64_clients_get_right_answers_and_documented_errors_alone(
    service: Service, drawings: Examples
) -> None:
    labels = list(drawings)
    lessons = [
        form({label: drawings[label][: 1 + (k + n) % 3] for n, label in enumerate(labels[: 2 + k % 3])})
        for k in range(5)
    ]
    clients, memory = asyncio.run(crowd(service, lessons, drawings[labels[0]][4]))
    assert clients.wrong == []
    assert clients.statuses.keys() <= DOCUMENTED, json.dumps(clients.statuses)
    assert clients.statuses[200] > CLIENTS
    assert clients.statuses[201] > CLIENTS
    # After the first third everything is in its place.
    assert memory[2] <= 1.05 * memory[1], [size // 2**20 for size in memory]
