"""Work waits in a bounded queue and is dropped where nobody waits; a model is loaded once for all who ask."""

import asyncio
from collections.abc import Callable, Iterator
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from backend.metrics import Metrics
from backend.problems import Problem
from backend.settings import Settings
from backend.work.engine import Engine, LoadedModel
from imaml.store import Model, Store


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def engine(shared_store: Store, registry: CollectorRegistry) -> Iterator[Engine]:
    """An engine of one worker, with room for one more work."""
    engine = Engine(Settings(workers=1, max_queue=1), Metrics(registry))
    yield engine
    engine.close()


def test_work_beyond_the_queue_is_refused_until_there_is_room(
    engine: Engine, registry: CollectorRegistry
) -> None:
    async def work() -> None:
        for _ in range(2):  # what is done, and what failed, gives its room back
            go, begun = Event(), Event()
            running, waiting, refused = (
                asyncio.create_task(engine.run(_announced(begun, go))) for _ in range(3)
            )
            await asyncio.wait([refused], timeout=10)
            await asyncio.to_thread(begun.wait)
            gauges = [registry.get_sample_value(f"imaml_engine_{name}") for name in ("busy", "waiting")]
            assert gauges == [1, 1]
            go.set()
            with pytest.raises(Problem) as error:
                await refused
            assert (error.value.status_code, error.value.kind) == (503, "server-full")
            assert error.value.headers == {"Retry-After": "1"}
            assert await asyncio.gather(running, waiting) == [True, True]
            with pytest.raises(ValueError, match="x"):
                await engine.run(int, "x")

    asyncio.run(work())
    assert registry.get_sample_value("imaml_engine_waiting") == 0


def test_work_that_nobody_waits_for_is_dropped_before_it_runs(
    engine: Engine, registry: CollectorRegistry
) -> None:
    async def work() -> None:
        go, begun, ran = Event(), Event(), Event()
        running = asyncio.create_task(engine.run(_announced(begun, go)))
        await asyncio.to_thread(begun.wait)
        abandoned = asyncio.create_task(engine.run(ran.set))
        await asyncio.sleep(0)
        abandoned.cancel()
        await asyncio.wait([abandoned])
        following = asyncio.create_task(engine.run(ran.is_set))  # there is room for it again
        await asyncio.sleep(0)
        go.set()
        assert await asyncio.gather(running, following) == [True, False]

    asyncio.run(work())
    assert registry.get_sample_value("imaml_engine_waiting") == 0


def test_model_is_loaded_once_for_all_who_ask_at_once(shared_store: Store) -> None:
    engine = Engine(Settings(workers=3), Metrics(CollectorRegistry()))
    with shared_store.reading() as transaction:
        model = transaction.models.resolve("small")

    async def ask(model: Model) -> LoadedModel:
        async with engine.model(shared_store, model.id) as loaded:
            return loaded

    async def all_at_once() -> None:
        first, *others = await asyncio.gather(*(ask(model) for _ in range(3)))
        assert all(loaded is first for loaded in others)

    asyncio.run(all_at_once())
    engine.close()


def _announced(begun: Event, go: Event) -> Callable[[], bool]:
    """Work that says when it has begun, and ends when it is told to."""

    def work() -> bool:
        begun.set()
        return go.wait(10)

    return work
