"""The cache is bounded, keeps what was used last and what is in use, and loads each missing value once."""

import asyncio
from collections.abc import Awaitable, Callable
from operator import itemgetter

import pytest

from backend.work.cache import Cache

Sized = tuple[str, int]
"""A value with its size."""


def cache(capacity: int) -> Cache[Sized]:
    return Cache(capacity, itemgetter(1))


def loaded(*value: object) -> Callable[[], Awaitable[Sized]]:
    async def load() -> Sized:
        return value  # pyright: ignore[reportReturnType]

    return load


async def absent() -> Sized:
    raise LookupError


async def holds(values: Cache[Sized], key: str) -> bool:
    """Whether it needs not be loaded; asking for what is missing leaves nothing behind."""
    try:
        async with values.use(key, absent):
            return True
    except LookupError:
        return False


async def held(values: Cache[Sized], keys: str) -> str:
    return "".join([key for key in keys if await holds(values, key)])


def test_least_recently_used_goes_first() -> None:
    async def run() -> None:
        values = cache(2)
        values.put("a", ("A", 1))
        values.put("b", ("B", 1))
        assert await holds(values, "a")
        values.put("c", ("C", 1))
        assert await held(values, "abc") == "ac"
        assert len(values) == 2

    asyncio.run(run())


def test_sizes_add_up_to_the_capacity_at_most() -> None:
    async def run() -> None:
        values = cache(10)
        values.put("a", ("A", 6))
        values.put("a", ("again", 4))
        values.put("b", ("B", 6))
        assert await held(values, "ab") == "ab"
        values.put("c", ("C", 5))
        assert await held(values, "abc") == "c"
        values.put("d", ("too large", 11))
        assert await held(values, "abcd") == ""

    asyncio.run(run())


def test_discarded_value_makes_room() -> None:
    async def run() -> None:
        values = cache(2)
        values.put("a", ("A", 2))
        values.discard("a")
        values.discard("a")
        values.put("b", ("B", 1))
        values.put("c", ("C", 1))
        assert await held(values, "abc") == "bc"

    asyncio.run(run())


def test_what_is_in_use_stays_and_goes_when_it_is_no_more() -> None:
    async def run() -> None:
        values = cache(2)
        async with values.use("a", loaded("A", 2)) as (value, _):
            values.put("b", ("B", 2))
            assert await held(values, "ab") == "a"
            assert value == "A"
        values.put("c", ("C", 2))
        assert await held(values, "abc") == "c"

    asyncio.run(run())


def test_a_missing_value_is_loaded_once_however_many_ask_and_whoever_goes_away() -> None:
    async def run() -> None:
        values, ready, loads = cache(1), asyncio.Event(), 0

        async def load() -> Sized:
            nonlocal loads
            loads += 1
            await ready.wait()
            return "A", 1

        async def ask() -> str:
            async with values.use("a", load) as (value, _):
                return value

        first, *others = (asyncio.create_task(ask()) for _ in range(5))
        await asyncio.sleep(0)
        first.cancel()
        ready.set()
        assert await asyncio.gather(*others) == ["A"] * 4
        assert loads == 1
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(run())


def test_a_failure_reaches_all_who_asked_and_is_not_kept() -> None:
    async def run() -> None:
        values = cache(1)

        async def ask() -> None:
            async with values.use("a", absent):
                pass

        failures = await asyncio.gather(ask(), ask(), return_exceptions=True)
        assert [type(failure) for failure in failures] == [LookupError] * 2
        async with values.use("a", loaded("A", 1)) as (value, _):
            assert value == "A"

    asyncio.run(run())
