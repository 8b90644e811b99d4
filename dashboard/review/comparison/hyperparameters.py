"""How the best validation accuracy depends on the numeric settings that differ."""

from collections.abc import Sequence
from statistics import fmean
from typing import cast

import streamlit as st

from dashboard import sentences
from dashboard.charts import hyperparameters as charts
from dashboard.charts.frame import Row, show
from dashboard.review.comparison.address import chosen
from dashboard.review.comparison.run import Run
from dashboard.review.comparison.settings import numeric

HEIGHT = 320  # pixels


def hyperparameters(runs: Sequence[Run]) -> None:
    """Draw all numeric settings side by side, and the accuracy by two of them."""
    validated = [run for run in runs if run.best is not None]
    names = numeric([run.settings for run in validated])
    if not names:
        st.caption("No number among the settings differs between experiments that have been validated.")
        return
    if left := len(runs) - len(validated):
        st.caption(f"{sentences.count(left, 'experiment')} not validated yet and left out.")
    note = "Each line is an experiment; the numbers are the ends of an axis, logarithmic over wide ranges."
    show(
        charts.parallel({run.label: _line(run, names) for run in validated}),
        "Settings and accuracy",
        note,
        HEIGHT,
    )
    if len(names) > 1:
        _heat_map(validated, names)


def cells(runs: Sequence[Run], across: str, down: str) -> list[Row]:
    """Return the mean accuracy of the validated runs for each pair of values of two settings."""
    found: dict[tuple[float, float], list[float]] = {}
    for run in runs:
        line = _line(run, [across, down])
        found.setdefault((line[across], line[down]), []).append(line[charts.ACCURACY])
    return [
        {"across": x, "down": y, "accuracy": fmean(accuracies), "n": len(accuracies)}
        for (x, y), accuracies in found.items()
    ]


def _heat_map(runs: Sequence[Run], names: Sequence[str]) -> None:
    with st.grid(2, min_column_width=220):
        across = chosen("across", "Across", names)
        down = chosen("down", "Down", [name for name in names if name != across])
    note = "Mean over the experiments in a cell."
    show(
        charts.heat_map(cells(runs, across, down), across, down),
        f"Accuracy by {across} and {down}",
        note,
        HEIGHT,
    )


def _line(run: Run, names: Sequence[str]) -> dict[str, float]:
    line = {name: float(cast("float", run.settings[name])) for name in names}
    return line | {charts.ACCURACY: run.best or 0.0}
