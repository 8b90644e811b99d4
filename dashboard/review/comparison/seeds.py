"""The groups of experiments that differ in their seed alone, as a table."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.review.comparison.groups import Group, group_labels
from dashboard.review.comparison.interval import Interval, interval
from dashboard.review.comparison.settings import SEED, shown
from dashboard.review.comparison.tables import table

MEAN = "Best validation accuracy"
HELP = {
    MEAN: "Mean over the seeds of each run's best validation accuracy, with its 95 % confidence interval by "
    "Student's t; a single seed has none. The best of several validations is a little too good.",
    "n": "Seeds that have been validated.",
}


def seeds(groups: Sequence[Group]) -> None:
    """Draw the mean best validation accuracy of every group, where one has two seeds or more."""
    if all(len(group.runs) == 1 for group in groups):
        st.caption("No two of these differ in their seed alone. Those that do are averaged here.")
        return
    labelled = list(zip(group_labels(groups), groups, [_mean(group) for group in groups], strict=True))
    table(
        [
            {
                "Group": label,
                "n": mean.n if mean else 0,
                MEAN: sentences.accuracy(mean.mean, mean.half) if mean else "–",
                "Seeds": ", ".join(shown(run.settings.get(SEED)) for run in group.runs),
            }
            for label, group, mean in labelled
        ],
        [
            {
                "group": label,
                "n": mean.n if mean else 0,
                "best_validation_accuracy": mean and mean.mean,
                "ci95": mean and mean.half,
                "experiments": [run.id for run in group.runs],
            }
            for label, group, mean in labelled
        ],
        "Groups by seed",
        HELP,
    )


def _mean(group: Group) -> Interval | None:
    best = [run.best for run in group.runs if run.best is not None]
    return interval(best) if best else None
