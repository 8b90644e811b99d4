"""Several things timed in turn, so that a machine whose speed drifts treats them alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles

import torch

from benchmarks.report import Record

Side = Callable[[], float]
"""Does the work once and returns the seconds that it took."""


def timed(work: Callable[[], object], device: torch.device) -> Side:
    """The work as a side, its kernels waited for where the device runs them by itself."""

    def side() -> float:
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    return side


def in_turn(sides: Mapping[str, Side], rounds: int, rest_seconds: float = 0.0) -> dict[str, list[float]]:
    """Seconds of each side in each round, after one round that does not count; every other one backwards.

    A rest before each turn is for sides of several threads, which stay busy for a while in case there is more
    to do.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side()
    for turn in range(rounds):
        for name in list(sides)[:: -1 if turn % 2 else 1]:
            time.sleep(rest_seconds)
            seconds[name].append(sides[name]())
    return seconds


def paired(name: str, ours: list[float], baseline: list[float]) -> Record:
    """One row: medians of both sides, and baseline / ours (above 1, ours is faster) over the rounds."""
    return {
        "benchmark": name,
        "ours (ms)": median(ours) * 1e3,
        "baseline (ms)": median(baseline) * 1e3,
        **spread("baseline / ours", quotients(baseline, ours)),
    }


def paired_with_tails(name: str, ours: list[float], baseline: list[float]) -> Record:
    """`paired` of many rounds, with the slowest of both sides."""
    return {
        "benchmark": name,
        **middle_and_tail("ours", ours),
        **middle_and_tail("baseline", baseline),
        **spread("baseline / ours", quotients(baseline, ours)),
    }


def middle_and_tail(name: str, seconds: list[float]) -> dict[str, float]:
    """The columns of a side's median and 99th percentile."""
    return {f"{name} p50 (ms)": median(seconds) * 1e3, f"{name} p99 (ms)": percentile(seconds, 99) * 1e3}


def spread(name: str, values: list[float]) -> dict[str, float]:
    """The columns of a median and of the deciles around it."""
    low, high = deciles(values)
    return {name: median(values), "10 %": low, "90 %": high}


def quotients(dividends: list[float], divisors: list[float]) -> list[float]:
    """Round by round."""
    return [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]


def deciles(values: list[float]) -> tuple[float, float]:
    """The first and the last decile."""
    return percentile(values, 10), percentile(values, 90)


def percentile(values: list[float], percent: int) -> float:
    """Below which so many per cent of the values lie; of a single value, that value."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def unmeasured(name: str, reason: Exception) -> Record:
    """The row of what could not be measured here."""
    columns = ("ours (ms)", "baseline (ms)", "baseline / ours", "10 %", "90 %")
    return {"benchmark": f"{name}: not measured ({reason})", **dict.fromkeys(columns)}
