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
    alike = [run for run in runs if same_classes(baseline, run, SPLIT)]
    can = [run for run in [baseline, *alike] if run.experiment.status == "completed"]
    if alike:
        told = f"Not scored on the same episodes as {sentences.plain(baseline.label)}: {_listed(alike)}."
        st.markdown(
            f"{told} These commands score those that have completed on the same ones:" if can else told
        )
    if alike and can:
        st.code("\n".join(dict.fromkeys(_command(run, can) for run in can)), language="sh")
    if other := [run for run in runs if run not in alike]:
        st.caption(
            f"Left out: {_listed(other)}. The test classes or the images are others than those of "
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
