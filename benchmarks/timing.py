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


def in_turn(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round, after one round that does not count; every other one backwards."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side()
    for turn in range(rounds):
        for name in list(sides)[:: -1 if turn % 2 else 1]:
            seconds[name].append(sides[name]())
    return seconds


def paired(name: str, ours: list[float], baseline: list[float]) -> Record:
    """One row: medians of both sides, and baseline / ours (above 1, ours is faster) over the rounds."""
    ratios = [theirs / mine for mine, theirs in zip(ours, baseline, strict=True)]
    low, high = deciles(ratios)
    return {
        "benchmark": name,
        "ours (ms)": median(ours) * 1e3,
        "baseline (ms)": median(baseline) * 1e3,
        "baseline / ours": median(ratios),
        "10 %": low,
        "90 %": high,
    }


def deciles(values: list[float]) -> tuple[float, float]:
    """The first and the last decile; of a single value, that value."""
    if len(values) == 1:
        return values[0], values[0]
    cuts = quantiles(values, n=10, method="inclusive")
    return cuts[0], cuts[-1]


def compare(
    name: str, ours: Callable[[], object], baseline: Callable[[], object], device: torch.device, rounds: int
) -> Record:
    """Time two sides in turn."""
    seconds = in_turn({"ours": timed(ours, device), "baseline": timed(baseline, device)}, rounds)
    return paired(name, seconds["ours"], seconds["baseline"])


def unmeasured(name: str, reason: Exception) -> Record:
    """The row of what could not be measured here."""
    columns = ("ours (ms)", "baseline (ms)", "baseline / ours", "10 %", "90 %")
    return {"benchmark": f"{name}: not measured ({reason})", **dict.fromkeys(columns)}
