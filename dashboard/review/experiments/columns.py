"""What the table of experiments shows of each, column by column."""

from collections.abc import Callable

import streamlit as st

from dashboard import sentences
from imaml.client import Experiment

Cells = dict[str, object]

_CELLS: dict[str, Callable[[Experiment], object]] = {
    "Status": lambda experiment: experiment.status,
    "Accuracy": lambda experiment: _accuracy(experiment),
    "Validation": lambda experiment: experiment.sparkline,
    "Progress": lambda experiment: experiment.step / max(experiment.total_steps, 1),
    "Time left": lambda experiment: _time_left(experiment),
    "Algorithm": lambda experiment: experiment.algorithm,
    "Data set": lambda experiment: experiment.dataset,
    "Ways": lambda experiment: experiment.ways,
    "Shots": lambda experiment: experiment.shots,
    "Started": lambda experiment: experiment.created_at,
    "Tags": lambda experiment: experiment.tags,
    "Notes": lambda experiment: experiment.notes,
}
COLUMNS = tuple(_CELLS)
DEFAULT_COLUMNS = [name for name in COLUMNS if name != "Notes"]

CONFIG = {
    "Accuracy": st.column_config.TextColumn(
        help="The best of its validations, on tasks of classes held out, with its 95 % confidence interval."
    ),
    "Validation": st.column_config.LineChartColumn(help="Validation accuracy over the training.", width=110),
    "Progress": st.column_config.ProgressColumn(
        help="Meta-steps taken, of all.", format="percent", min_value=0, max_value=1, width=110
    ),
    "Time left": st.column_config.TextColumn(help="Of a running one, at its pace so far."),
    "Ways": st.column_config.NumberColumn(help="Classes in each training task.", width=60),
    "Shots": st.column_config.NumberColumn(help="Examples of each class in a training task.", width=60),
    "Started": st.column_config.DatetimeColumn("Started (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC"),
}


def cells(experiment: Experiment) -> Cells:
    """Return what the table shows of an experiment."""
    return {name: cell(experiment) for name, cell in _CELLS.items()}


def exact(experiment: Experiment) -> Cells:
    """Return an experiment as a row for programs."""
    return experiment.model_dump(mode="json", exclude={"sparkline", "archived", "heartbeat_at", "updated_at"})


def _accuracy(experiment: Experiment) -> str | None:
    if experiment.best_accuracy is None:
        return None
    return sentences.accuracy(experiment.best_accuracy, experiment.best_accuracy_ci95)


def _time_left(experiment: Experiment) -> str | None:
    return None if experiment.seconds_left is None else sentences.duration(1000 * experiment.seconds_left)
