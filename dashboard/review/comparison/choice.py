"""Which experiments are compared: shown, removed, added."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.downloads import csv_download
from dashboard.failures import failure_shown, part
from dashboard.review.comparison.address import compare
from dashboard.review.comparison.run import Run
from imaml.client import Experiment

MOST_ROWS = 6  # before they scroll
ROW = 52  # pixels
OFFERED, MOST_ASKED = 20, 200  # of all, by name or notes


def rows(runs: Sequence[Run]) -> None:
    """Draw a row for each experiment compared, with what removes it."""
    height = MOST_ROWS * ROW if len(runs) > MOST_ROWS else "content"
    with st.container(border=True, gap="xxsmall", height=height, key="compared"):
        for run in runs:
            _row(run, [other.id for other in runs if other is not run])
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        part(_add)([run.id for run in runs])
        csv_download([_facts(run) for run in runs], "experiments.csv")


def nothing() -> None:
    """Say how experiments are chosen, and offer to begin here."""
    with st.container(border=True, key="nothing-compared"):
        st.subheader("Nothing to compare yet", anchor=False)
        st.markdown("Tick two rows or more in the list of experiments, or look for the first one here.")
        st.page_link("views/experiments.py", label="Experiments", icon=":material/list:")
        part(_add)([])


def _row(run: Run, others: Sequence[str]) -> None:
    experiment = run.experiment
    with st.container(horizontal=True, vertical_alignment="center", key=f"experiment-compared-{run.id}"):
        label = f"**{sentences.plain(run.label)}**"
        st.page_link("views/experiment.py", label=label, query_params={"id": run.id})
        st.badge(experiment.status, color=sentences.status_colour(experiment.status))
        facts = [experiment.algorithm, experiment.dataset, _best(run)]
        st.caption(sentences.plain(" · ".join(facts)), width="content")
        st.space("stretch")
        st.button(
            f"Leave out {sentences.plain(run.label)}",
            key=f"remove-{run.id}",
            icon=":material/close:",
            type="tertiary",
            on_click=compare,
            args=(others,),
        )


def _best(run: Run) -> str:
    if run.best is None:
        return "not validated yet"
    return f"best validation {sentences.accuracy(run.best, run.experiment.best_accuracy_ci95)}"


def _facts(run: Run) -> dict[str, object]:
    experiment = run.experiment
    return {
        "name": experiment.name,
        "id": run.id,
        "status": experiment.status,
        "algorithm": experiment.algorithm,
        "dataset": experiment.dataset,
        "best_validation_accuracy": run.best,
        "ci95": experiment.best_accuracy_ci95,
    }


def _add(shown: Sequence[str]) -> None:
    popover = st.popover(
        "Add another" if shown else "Add one", icon=":material/add:", key="add", on_change="rerun"
    )
    if not popover.open:
        return
    with failure_shown(), popover:
        text = st.text_input("Search", key="add-search", placeholder="Part of a name or note", live=True)
        page = client().experiments_page(q=text or None, limit=min(OFFERED + len(shown), MOST_ASKED))
        found = [each for each in page.items if each.id not in shown][:OFFERED]
        if not found:
            st.caption("No other experiment has this in its name or notes." if text else "There is no other.")
        for experiment in found:
            _offer(experiment, shown)


def _offer(experiment: Experiment, shown: Sequence[str]) -> None:
    label = f"{sentences.plain(experiment.name)} :small[:gray[{_when(experiment)}]]"
    if st.button(label, key=f"add-{experiment.id}", type="tertiary"):
        compare([*shown, experiment.id])
        st.rerun(scope="app")


def _when(experiment: Experiment) -> str:
    return sentences.plain(
        f"{experiment.algorithm} · {experiment.dataset} · {sentences.moment(experiment.created_at)}"
    )
