"""Rows, pages and plots say what was measured."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from benchmarks.plot import BOTTOM, HEIGHT, LEFT, line_chart
from benchmarks.report import Report, write
from benchmarks.timing import in_turn, paired, paired_with_tails, percentile, unmeasured

CPU = torch.device("cpu")


def test_ratio_is_of_the_pairs() -> None:
    row = paired("row", ours=[1.0, 2.0, 4.0], baseline=[3.0, 8.0, 8.0])
    assert row["baseline / ours"] == 3
    assert row["10 %"] == pytest.approx(2.2)
    assert row["90 %"] == pytest.approx(3.8)
    assert row["ours (ms)"] == 2000


def test_percentiles_are_of_the_values() -> None:
    values = [float(value) for value in range(1, 102)]
    assert percentile(values, 99) == 100
    assert percentile([7.0], 99) == 7
    row = paired_with_tails("row", ours=values, baseline=[2 * value + 1 for value in values])
    assert row["ours p50 (ms)"] == 51_000
    assert row["baseline p99 (ms)"] == 201_000


def test_sides_take_turns_after_a_round_that_does_not_count() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    seconds = in_turn({"a": lambda: side("a"), "b": lambda: side("b")}, rounds=2)
    assert order == ["a", "b", "a", "b", "b", "a"]
    assert seconds == {"a": [3.0, 6.0], "b": [4.0, 5.0]}


def test_reports_of_several_benchmarks_lie_side_by_side(tmp_path: Path) -> None:
    chart = line_chart("Time", "steps", "ms", {"one": [(1, 2), (2, 30)]})
    write("speed", Report("Speed", [{"benchmark": "old", "ratio": 1.0}]), CPU, tmp_path)
    rows = [unmeasured("this", OSError("no disk")), {"benchmark": "that", "difference": 0.5}]
    write("memory", Report("Memory", rows), CPU, tmp_path)
    write(
        "speed", Report("Speed", [{"benchmark": "x", "ratio": 2.5}], ["noted"], {"t": chart}), CPU, tmp_path
    )
    entries = json.loads((tmp_path / "bench.json").read_text())
    assert entries["speed-cpu"]["rows"] == [{"benchmark": "x", "ratio": 2.5}]
    assert {"machine", "versions", "command", "date"} <= entries["memory-cpu"].keys()
    page = (tmp_path / "bench.md").read_text()
    assert "| x | 2.5 |" in page
    assert "noted" in page
    assert "| this: not measured (no disk) |" in page
    assert "| that |  |  |  |  |  | 0.5 |" in page
    assert "![Speed](t-cpu.svg)" in page
    assert (tmp_path / "t-cpu.svg").read_text() == chart


def test_chart_is_svg_with_logarithmic_axes() -> None:
    points = [(1, 1e-3), (4, 1e-1), (16, 10.0)]
    root = ElementTree.fromstring(line_chart("A < B", "x", "y", {"line": points}))
    lines = [e for e in root.iter("{http://www.w3.org/2000/svg}polyline") if e.get("class") == "line"]
    (x0, y0), (x1, y1), (x2, y2) = (map(float, p.split(",")) for p in (lines[0].get("points") or "").split())
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)
    assert y2 < y0


def test_linear_chart_starts_at_0() -> None:
    root = ElementTree.fromstring(line_chart("M", "x", "y", {"line": [(5, 5), (10, 10)]}, linear=True))
    lines = [e for e in root.iter("{http://www.w3.org/2000/svg}polyline") if e.get("class") == "line"]
    (x0, y0), (x1, y1) = (map(float, p.split(",")) for p in (lines[0].get("points") or "").split())
    assert x1 - x0 == pytest.approx(x0 - LEFT, abs=0.2)
    assert y0 - y1 == pytest.approx(HEIGHT - BOTTOM - y0, abs=0.2)
