"""Calls put together are answered as each alone; a lone call waits for nobody, and failures stay alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from imaml.runtime.batching import Batcher

Run = list[tuple[int, ...]]


def same_sign(one: int, other: int) -> bool:
    return (one > 0) == (other > 0)


def test_a_lone_call_is_run_at_once() -> None:
    batcher: Batcher[int, int] = Batcher(lambda asked: [-number for number in asked], 4, same_sign)
    assert batcher(7) == -7


def test_calls_that_come_while_the_device_is_busy_are_run_together_where_they_fit() -> None:
    runs: Run = []
    busy, go = Event(), Event()

    def run(asked: Sequence[int]) -> list[int]:
        runs.append(tuple(sorted(asked)))
        busy.set()
        go.wait(10)
        return [-number for number in asked]

    batcher: Batcher[int, int] = Batcher(run, 3, same_sign)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher, 100)
        busy.wait(10)
        numbers = [1, 2, -1, -2, 3, 4, 5]
        calls = [pool.submit(batcher, number) for number in numbers]
        while len(batcher._waiting) < len(numbers):
            pass
        go.set()
        assert first.result() == -100
        assert [call.result() for call in calls] == [-number for number in numbers]
    assert runs[0] == (100,)
    assert sorted(number for batch in runs for number in batch) == sorted([100, *numbers])
    assert all(len(batch) <= 3 and len({number > 0 for number in batch}) == 1 for batch in runs)
    assert len(runs) < len(numbers)


def test_a_failure_is_that_of_one_call_alone() -> None:
    busy, go = Event(), Event()

    def run(asked: Sequence[int]) -> list[int]:
        busy.set()
        go.wait(10)
        if 13 in asked:
            raise ValueError("13")
        return [-number for number in asked]

    batcher: Batcher[int, int] = Batcher(run, 8, same_sign)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher, 100)
        busy.wait(10)
        calls = {number: pool.submit(batcher, number) for number in (1, 13, 2)}
        while len(batcher._waiting) < len(calls):
            pass
        go.set()
        assert first.result() == -100
        assert (calls[1].result(), calls[2].result()) == (-1, -2)
        with pytest.raises(ValueError, match="13"):
            calls[13].result()
