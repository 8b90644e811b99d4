"""The results of all cells as one Markdown page."""

import json
from collections import defaultdict
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.tables.cells import BASELINES, META_BATCH, META_STEPS, METHODS, PUBLISHED, SETTINGS

Results = dict[tuple[str, int, int], list[dict[str, Any]]]


def read(folder: Path) -> Results:
    """The results that lie in a folder, by method, ways and shots."""
    results: Results = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text())
        cell = result["cell"]
        results[cell["method"], cell["ways"], cell["shots"]].append(result)
    return results


def write(folder: Path) -> str:
    """The page, which is written to README.md in the folder too."""
    results = read(folder)
    parts = [
        "# Omniglot, unseen characters\n",
        f"Every method was trained alike: {META_STEPS} meta-steps of {META_BATCH} tasks (the baselines on as "
        "many images), Conv4-64, 70 % of the characters of the background set at hand; mean ± 95 % "
        "confidence interval in percent over 600 test episodes a seed, in brackets the number of seeds; left "
        "of the arrow the accuracy before adaptation. – : not run. Each cell's JSON file beside this page "
        "has its command, seed, settings, wall time and hardware.\n",
    ]
    for protocol, title in (
        ("inductive", "Inductive: each query on its own"),
        ("transductive", "Transductive: normalised by the query batch, as published results are"),
    ):
        parts += [f"## {title}\n", _table(results, protocol)]
    parts += [
        "## Published\n",
        "Rajeswaran et al. 2019, table 1: transductive, 1200 characters to train on, a plain head, longer.\n",
        _rows([[name, *(f"{value:.2f}" for value in PUBLISHED[name])] for name in PUBLISHED]),
    ]
    page = "\n".join(parts)
    (folder / "README.md").write_text(page)
    return page


def _table(results: Results, protocol: str) -> str:
    return _rows(
        [
            [method, *(_entry(results.get((method, *setting), []), protocol) for setting in SETTINGS)]
            for method in (*METHODS, *BASELINES)
        ]
    )


def _entry(results: list[dict[str, Any]], protocol: str) -> str:
    if not results:
        return "–"
    scores = [result[protocol] for result in results]
    mean, before = (
        100 * fmean(score[name] for score in scores) for name in ("accuracy", "accuracy_unadapted")
    )
    half = 100 * sqrt(sum(score["ci95"] ** 2 for score in scores)) / len(scores)
    return f"{before:.2f} → {mean:.2f} ± {half:.2f} ({len(scores)})"


def _rows(rows: list[list[str]]) -> str:
    head = ["", *(f"{ways}-way {shots}-shot" for ways, shots in SETTINGS)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
