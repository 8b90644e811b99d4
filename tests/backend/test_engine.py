"""Work waits in a bounded queue, and a model that many ask for at once is loaded once."""

import asyncio
from collections.abc import Iterator
from threading import Event

import pytest

from backend.engine import Engine
from backend.problems import Problem
from backend.settings import Settings
from imaml.store import Store


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine of one worker, with room for one more work."""
    engine = Engine(Settings(workers=1, max_queue=1))
    yield engine
    engine.close()


def test_work_beyond_the_queue_is_refused_until_there_is_room(engine: Engine) -> None:
    async def work() -> None:
        for _ in range(2):  # what is done, and what failed, gives its room back
            go = Event()
            running, waiting, refused = (asyncio.create_task(engine.run(go.wait)) for _ in range(3))
            await asyncio.wait([refused], timeout=10)
            go.set()
            with pytest.raises(Problem) as error:
                await refused
            assert (error.value.status_code, error.value.kind) == (503, "server-full")
            assert error.value.headers == {"Retry-After": "1"}
            assert await asyncio.gather(running, waiting) == [True, True]
            with pytest.raises(ValueError, match="x"):
                await engine.run(int, "x")

    asyncio.run(work())


def test_model_is_loaded_once_for_all_who_ask_at_once(shared_store: Store) -> None:
    engine = Engine(Settings(workers=3))
    with shared_store.reading() as transaction:
        model = transaction.models.resolve("small")

    async def ask() -> None:
        first, *others = await asyncio.gather(*(engine.model(shared_store, model) for _ in range(3)))
        assert all(loaded is first for loaded in others)

    asyncio.run(ask())
    engine.close()
