"""Both clients, called in the same way, with a clock that runs only while they sleep."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from imaml.client import AsyncClient, Client, asynchronous, exchange, synchronous

Service = Callable[[httpx.Request], httpx.Response]


@dataclass
class Clock:
    """Shows how long the clients slept."""

    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass(frozen=True)
class Caller:
    """Makes a call with one of the clients."""

    kind: type[Client | AsyncClient]

    def __call__(
        self,
        service: Service | str,
        method: str,
        *args: object,
        settings: dict[str, Any] | None = None,
        **options: object,
    ) -> Any:
        """Return what the method answers, where the service is a function or lies at an address."""
        where = {"url": service} if isinstance(service, str) else {"transport": httpx.MockTransport(service)}
        client = self.kind(**where, **(settings or {}))
        if isinstance(client, Client):
            with client:
                answer = getattr(client, method)(*args, **options)
                return list(answer) if method == "predict_batch" else answer

        async def call() -> Any:
            async with client:
                answer = getattr(client, method)(*args, **options)
                return [item async for item in answer] if method == "predict_batch" else await answer

        return asyncio.run(call())


@pytest.fixture(params=[Client, AsyncClient])
def call(request: pytest.FixtureRequest) -> Caller:
    """Either client."""
    return Caller(request.param)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of the clients' own."""
    clock = Clock()
    monkeypatch.setattr(synchronous, "time", SimpleNamespace(sleep=clock.sleep))
    loop = SimpleNamespace(sleep=clock.sleep_async, to_thread=asyncio.to_thread)
    monkeypatch.setattr(asynchronous, "asyncio", loop)
    monkeypatch.setattr(exchange, "time", SimpleNamespace(monotonic=lambda: sum(clock.pauses)))
    return clock
