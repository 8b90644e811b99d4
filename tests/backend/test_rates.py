"""A minute's requests may come at once; then each comes back after its share of the minute."""

import multiprocessing

from backend.rates import Rates

KEY, OTHER = f"{1:032x}", f"{2:032x}"


def test_a_minute_s_requests_at_once_and_then_one_each_share_of_it() -> None:
    rates = Rates(per_minute=6)
    assert [rates.wait(KEY, now=100.0) for _ in range(6)] == [0.0] * 6
    assert rates.wait(KEY, now=100.0) == 10.0
    assert rates.wait(KEY, now=104.0) == 6.0
    assert rates.wait(KEY, now=110.0) == 0.0
    assert rates.wait(KEY, now=110.0) == 10.0
    assert rates.wait(OTHER, now=110.0) == 0.0
    assert [rates.wait(KEY, now=1000.0) for _ in range(6)] == [0.0] * 6


def test_processes_forked_from_one_count_together() -> None:
    rates = Rates(per_minute=3)
    child = multiprocessing.get_context("fork").Process(target=lambda: [rates.wait(KEY) for _ in range(3)])
    child.start()
    child.join()
    assert rates.wait(KEY) > 0
