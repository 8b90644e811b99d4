"""What a benchmark found, and how it is written down: one JSON, one page of tables, and plots."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from imaml.training.provenance import hardware

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "onnxruntime-gpu", "onnxruntime")

Record = Mapping[str, str | float | None]
"""One row of a table, by column."""


@dataclass(frozen=True)
class Report:
    """A table, what a reader of it must know, and its plots as SVG by file name."""

    title: str
    rows: Sequence[Record]
    notes: Sequence[str] = ()
    plots: Mapping[str, str] = field(default_factory=dict[str, str])


def write(name: str, report: Report, device: torch.device, folder: Path = RESULTS) -> None:
    """Put a report beside those of other benchmarks and devices, in place of its own last one."""
    folder.mkdir(exist_ok=True)
    path = folder / "bench.json"
    entries: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    plots = {f"{stem}-{device.type}.svg": svg for stem, svg in report.plots.items()}
    for file, svg in plots.items():
        (folder / file).write_text(svg)
    entries[f"{name}-{device.type}"] = {**asdict(report), "plots": list(plots), **_circumstances(device)}
    path.write_text(json.dumps(dict(sorted(entries.items())), indent=1, ensure_ascii=False) + "\n")
    pages = [_section(entry) for _, entry in sorted(entries.items())]
    gpu = "" if any(key.endswith("-cuda") for key in entries) else "\nNot measured on a GPU.\n"
    (folder / "bench.md").write_text("\n".join([f"# Benchmarks, as `make bench` wrote them\n{gpu}", *pages]))


def show(report: Report) -> None:
    """Print the table."""
    columns = _columns(report.rows)
    table = Table(*columns, title=report.title)
    for row in report.rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    console = Console()
    console.print(table)
    for note in report.notes:
        console.print(note, highlight=False)


def _circumstances(device: torch.device) -> dict[str, str]:
    machine = f"{hardware(torch.device('cpu'))}, {os.cpu_count()} cores, {platform.system()}"
    arguments = shlex.join(sys.argv[1:])
    return {
        "machine": f"{hardware(device)}; {machine}" if device.type == "cuda" else machine,
        "versions": ", ".join([f"Python {platform.python_version()}", *_versions()]),
        "command": f"python -m benchmarks {arguments}".strip(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _versions() -> list[str]:
    found: list[str] = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except ImportError:
            continue
    return found


def _section(entry: dict[str, Any]) -> str:
    rows: list[Record] = entry["rows"]
    columns = _columns(rows)
    lines = [" | ".join(cells) for cells in (columns, ["---"] * len(columns))]
    lines += [" | ".join(_text(row.get(column)) for column in columns) for row in rows]
    parts = [f"\n## {entry['title']}\n", *(f"| {line} |" for line in lines), ""]
    parts += [f"- {note}" for note in entry["notes"]]
    parts.append(f"- `{entry['command']}`, {entry['date']}; {entry['machine']}; {entry['versions']}.\n")
    parts += [f"![{entry['title']}]({file})\n" for file in entry["plots"]]
    return "\n".join(parts)


def _columns(rows: Sequence[Record]) -> list[str]:
    """The columns of all rows; a row has no value for those that it lacks."""
    return list(dict.fromkeys(column for row in rows for column in row))


def _text(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)
