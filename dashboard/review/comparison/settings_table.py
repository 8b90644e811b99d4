"""The settings that differ between the experiments."""

from collections.abc import Sequence

import streamlit as st

from dashboard.review.comparison.run import Run
from dashboard.review.comparison.settings import differing, shown
from dashboard.review.comparison.tables import table


def settings_table(runs: Sequence[Run]) -> None:
    """Draw a row for each setting in which two of the experiments differ."""
    names = differing([run.settings for run in runs])
    if not names:
        st.caption("These experiments have the same settings.")
        return
    rows = [{"Setting": name, **{run.label: shown(run.settings.get(name)) for run in runs}} for name in names]
    exact = [{"setting": name, **{run.label: run.settings.get(name) for run in runs}} for name in names]
    table(rows, exact, "Settings that differ")
