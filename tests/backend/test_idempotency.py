"""The work of a request with a key is done once: whoever comes meanwhile waits for it, or takes it over."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from backend.problems import Problem
from backend.work.idempotency import once
from imaml.store import Store, new_id

HASH = "a" * 64

Work = Callable[[], Awaitable[str]]


async def answer(store: Store, key: str, work: Work) -> str | None:
    """The id of the job that answers the request, made by the work if it has to be done."""
    async with once(store, key, HASH) as earlier:
        if earlier is not None:
            return earlier.job_id
        await work()
        with store.transaction() as t:
            job = t.jobs.add(b"request")
            t.idempotency.answer(key, job_id=job.id)
        return job.id


@pytest.fixture
def key() -> str:
    """A key that nobody has used."""
    return new_id()


def test_those_who_come_meanwhile_wait_and_get_the_same_answer(store: Store, key: str) -> None:
    worked = 0

    async def work() -> str:
        nonlocal worked
        worked += 1
        await asyncio.sleep(0.2)
        return ""

    async def ask_at_once() -> set[str | None]:
        return {*await asyncio.gather(*(answer(store, key, work) for _ in range(4)))}

    [answered] = asyncio.run(ask_at_once())
    assert worked == 1
    assert answered is not None
    assert asyncio.run(answer(store, key, work)) == answered
    assert worked == 1


@pytest.mark.parametrize("end", [RuntimeError, asyncio.CancelledError])
def test_one_who_waits_takes_over_from_one_who_fails_or_goes_away(
    store: Store, key: str, end: type[BaseException]
) -> None:
    tries: list[str] = []

    async def work() -> str:
        tries.append("work")
        await asyncio.sleep(0.1)
        if len(tries) == 1:
            raise end
        return ""

    async def ask_twice() -> list[object]:
        return await asyncio.gather(*(answer(store, key, work) for _ in range(2)), return_exceptions=True)

    failed, answered = sorted(asyncio.run(ask_twice()), key=lambda ended: isinstance(ended, str))
    assert isinstance(failed, end)
    assert isinstance(answered, str)
    assert len(tries) == 2


def test_work_that_takes_long_keeps_its_key_by_signs_of_life(
    store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.work.leases._EVERY_SECONDS", 0.02)
    signs: list[str] = []
    monkeypatch.setattr(
        "imaml.store.repository.idempotency.Idempotency.renew", lambda _, claim: signs.append(claim.key)
    )

    async def work() -> str:
        while len(signs) < 2:
            await asyncio.sleep(0.01)
        return ""

    assert asyncio.run(answer(store, key, work)) is not None
    assert {*signs} == {key}


def test_who_has_waited_long_enough_is_told_to_come_again(
    store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.work.idempotency._WAIT_SECONDS", 0.1)
    with store.transaction() as t:
        t.idempotency.claim(key, HASH)

    async def ask() -> None:
        await answer(store, key, pytest.fail)

    with pytest.raises(Problem) as error:
        asyncio.run(ask())
    assert (error.value.status_code, error.value.kind) == (409, "request-in-progress")
    assert error.value.headers == {"Retry-After": "5"}
