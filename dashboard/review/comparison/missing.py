"""What was not scored on the episodes in the chart, and what would be needed for it."""

import shlex
from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.review.comparison.paired import Difference, same_classes
from dashboard.review.comparison.run import Run
from imaml.client import Evaluation

SPLIT = "test"
ASKED = f"--split {SPLIT} --ways 5 --shots 1 --queries 5 --episodes 600 --seed 1"
"""Where nothing has been scored that another could be scored on too."""


def missing(baseline: Run, runs: Sequence[Run], drawn: Sequence[Difference]) -> None:
    """Say which runs were not scored on the episodes in the chart, and which commands do that.

    Nothing is drawn where no run shares any with the baseline, which then needs to be scored too.
    """
    asked = drawn[0].evaluation if drawn else None
    scored = [baseline, *(each.run for each in drawn)]
    unscored = [run for run in runs if run not in scored]
    alike = [run for run in unscored if same_classes(baseline, run, asked.split if asked else SPLIT)]
    completed = [run for run in runs if run.experiment.status == "completed"]
    can = [run for run in completed if run in alike or (run is baseline and not asked)]
    if alike:
        which = "episodes in the chart" if asked else f"same episodes as {sentences.plain(baseline.label)}"
        told = f"Not scored on the {which}: {_listed(alike)}."
        st.markdown(
            f"{told} These commands score those that have completed on the same ones:" if can else told
        )
    if alike and can:
        st.code("\n".join(dict.fromkeys(_command(run, completed, asked) for run in can)), language="sh")
    if other := [run for run in unscored if run not in alike]:
        st.caption(
            f"Left out: {_listed(other)}. The classes or the images are others than those of "
            f"{sentences.plain(baseline.label)} (in most data sets the seed draws the classes), so that no "
            "episode can be the same."
        )


def _listed(runs: Sequence[Run]) -> str:
    return sentences.plain(", ".join(run.label for run in runs))


def _command(run: Run, all_runs: Sequence[Run], asked: Evaluation | None) -> str:
    data = run.experiment.config.get("data")
    words = ["imaml", "evaluate", _model(run, all_runs), "--dataset", run.experiment.dataset]
    words += ["--data", str(data)] if data else []
    return f"{shlex.join(words)} {_options(asked) if asked else ASKED}"


def _options(asked: Evaluation) -> str:
    fields = ("split", "ways", "shots", "queries", "episodes", "seed")
    options = " ".join(f"--{field} {getattr(asked, field)}" for field in fields)
    return f"{options} --transductive" if asked.transductive else options


def _model(run: Run, all_runs: Sequence[Run]) -> str:
    """The name of its model, or where others share the name the id, if an evaluation tells it."""
    name = _trained_as(run)
    shared = sum(_trained_as(other) == name for other in all_runs) > 1
    ids = [evaluation.model_id for evaluation in run.evaluations if evaluation.model_id]
    return ids[0] if shared and ids else name


def _trained_as(run: Run) -> str:
    return str(run.experiment.config.get("name", run.experiment.name))
