"""Identifiers sort by creation; names are what addresses and references can carry."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imaml.store import InvalidValue, check_name, new_id


def test_ids_are_increasing_even_when_the_clock_stands_still_or_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = time.time_ns()
    times = iter([start] * 500 + [start - 10**12] * 500)
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))


def test_ids_begin_with_the_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    identifier = new_id()
    assert len(identifier) == 32
    assert before - 1000 <= int(identifier[:12], 16) <= time.time_ns() // 1_000_000 + 1


def test_threads_never_share_an_id() -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = [future.result() for future in [pool.submit(new_id) for _ in range(2000)]]
    assert len(set(ids)) == 2000


@pytest.mark.parametrize("name", ["omniglot-5way", "Großmutters Handschrift", "a.b_c (2)", "x" * 200])
def test_plain_names_are_accepted(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "  ", "a@b", "a:1", "a/b", "line\nbreak", "nul\0", "x" * 201])
def test_names_that_no_reference_could_carry_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="name"):
        check_name(name)
