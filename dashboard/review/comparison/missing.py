"""What was not scored on the baseline's episodes, and what would be needed for it."""

import shlex
from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.review.comparison.paired import same_classes
from dashboard.review.comparison.run import Run

SPLIT = "test"


def missing(baseline: Run, runs: Sequence[Run]) -> None:
    """Say what has no episodes in common with the baseline, and which commands give it some."""
    can = [run for run in runs if same_classes(baseline, run, SPLIT)]
    if can:
        st.markdown(
            f"Not scored on the same episodes as {sentences.plain(baseline.label)}: {_listed(can)}. "
            "These commands score them on the same ones:"
        )
        st.code("\n".join(_command(run, [baseline, *can]) for run in [baseline, *can]), language="sh")
    cannot = [run for run in runs if run not in can]
    if cannot:
        st.caption(
            f"Left out: {_listed(cannot)}. The test classes or the images are others than those of "
            f"{sentences.plain(baseline.label)} (in most data sets the seed draws the classes), so that no "
            "episode can be the same."
        )


def _listed(runs: Sequence[Run]) -> str:
    return sentences.plain(", ".join(run.label for run in runs))


def _command(run: Run, all_runs: Sequence[Run]) -> str:
    data = run.experiment.config.get("data")
    words = ["imaml", "evaluate", _model(run, all_runs), "--dataset", run.experiment.dataset]
    words += ["--data", str(data)] if data else []
    return shlex.join([*words, *f"--split {SPLIT} --ways 5 --shots 1 --episodes 600 --seed 1".split()])


def _model(run: Run, all_runs: Sequence[Run]) -> str:
    """The name of its model, or where others share the name the id, if an evaluation tells it."""
    name = _trained_as(run)
    shared = sum(_trained_as(other) == name for other in all_runs) > 1
    ids = [evaluation.model_id for evaluation in run.evaluations if evaluation.model_id]
    return ids[0] if shared and ids else name


def _trained_as(run: Run) -> str:
    return str(run.experiment.config.get("name", run.experiment.name))
