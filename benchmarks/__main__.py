"""`make bench`: every benchmark, as a table on the screen and as JSON in benchmarks/results.json."""

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import adaptation, meta_step
from benchmarks.timing import Row
from imaml.training.provenance import hardware

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Measure, print and write."""
    processor = hardware(torch.device("cpu"))
    machine = f"{processor}, {os.cpu_count()} cores, {platform.system()}, torch {torch.__version__}"
    table = Table("benchmark", "ours (ms)", "baseline (ms)", "baseline / ours", "10–90 %", title=machine)
    measured: list[Row] = []
    for threads in (1, 2):
        for module in (adaptation, meta_step):
            for row in module.rows(threads):
                measured.append(row)
                spread = f"{row.ratio_low:.2f}–{row.ratio_high:.2f}"
                numbers = (f"{row.ours_ms:.1f}", f"{row.baseline_ms:.1f}", f"{row.ratio:.2f}", spread)
                table.add_row(row.name, *numbers)
    Console().print(table)
    RESULTS.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in measured]}, indent=2))


main()
