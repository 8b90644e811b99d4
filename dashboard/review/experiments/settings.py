"""What was asked of an experiment, what it learned from, and what it ran on."""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from dashboard import sentences
from dashboard.downloads import csv_download
from dashboard.glossary import MEANINGS
from imaml.client import ExperimentDetail


def settings(experiment: ExperimentDetail) -> None:
    """Draw configuration, provenance and split."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Configuration", anchor=False)
        _facts(experiment.config)
    with right:
        st.subheader("Provenance", anchor=False)
        split = {f"{name} classes": len(classes) for name, classes in experiment.split.items()}
        _facts({**experiment.provenance, **split})
    known = {**experiment.config, **experiment.provenance}
    rows = [{"setting": name, "value": value} for name, value in sentences.flattened(known)]
    csv_download(rows, f"{experiment.name}-settings.csv")


def _facts(values: Mapping[str, Any]) -> None:
    rows = "".join(
        f"<dt{_meaning(name)}>{escape(name)}</dt><dd>{escape(shown)}</dd>"
        for name, shown in sentences.flattened(values)
    )
    st.html(f'<dl class="facts">{rows}</dl>')


def _meaning(name: str) -> str:
    meaning = MEANINGS.get(name)
    return f' title="{escape(meaning)}" tabindex="0"' if meaning else ""
