"""What an experiment is called, how it stands, and what people have noted of it."""

import streamlit as st

from dashboard import connection, sentences
from dashboard.connection import client
from dashboard.failures import refusal_shown
from imaml.client import ExperimentDetail

DELETED = "deleted-experiment"
"""The one that has just been deleted, in the session."""
DEAD = (
    "It has given no sign of life for a minute, so its process is gone. The same command with `--resume` "
    "goes on from its checkpoint."
)
MOST_NOTES = 100_000  # characters, as the service has it


def head(experiment: ExperimentDetail) -> None:
    """Draw name, status, tags and notes, what changes them, and the figures that matter most."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(sentences.plain(experiment.name), anchor=False, width="content")
        st.badge(experiment.status, color=sentences.status_colour(experiment.status))
        for tag in experiment.tags:
            st.badge(sentences.badge(tag), color="gray")
        if experiment.archived:
            st.badge("archived", color="gray", icon=":material/archive:")
    with st.container(horizontal=True, vertical_alignment="center"):
        started = sentences.moment(experiment.created_at)
        st.caption(f"Started {started} · {experiment.id}", width="stretch")
        _compare(experiment)
        _edit(experiment)
        if st.button("Delete", key="delete", icon=":material/delete:", type="tertiary"):
            _delete(experiment)
    if experiment.error:
        st.error(sentences.plain(experiment.error), icon=":material/error:")
    if experiment.status == "dead":
        st.warning(DEAD, icon=":material/warning:")
    if experiment.notes:
        with st.container(key="notes"):
            st.markdown(experiment.notes.replace("![", "["))  # an image would tell its host who reads this
    _figures(experiment)


def _figures(experiment: ExperimentDetail) -> None:
    accuracy, width = experiment.best_accuracy, experiment.best_accuracy_ci95
    left = experiment.seconds_left
    with st.grid(4, min_column_width=150):
        st.metric(
            "Best validation accuracy",
            None if accuracy is None else sentences.accuracy(accuracy, width),
            help="On tasks of classes held out from training, with its 95 % confidence interval.",
        )
        st.metric(
            "Progress",
            sentences.progress(experiment),
            help="A meta-step learns from a batch of tasks how to learn from the next.",
        )
        if left is not None:
            st.metric("Time left", sentences.duration(1000 * left), help="At its pace so far.")
        st.metric("Data", experiment.dataset)
        st.metric("Algorithm", experiment.algorithm)
    if experiment.status == "running":
        st.progress(experiment.step / max(experiment.total_steps, 1))


def _compare(experiment: ExperimentDetail) -> None:
    st.page_link(
        "views/compare.py",
        label="Compare",
        icon=":material/compare_arrows:",
        query_params={"ids": experiment.id},
    )


def _edit(experiment: ExperimentDetail) -> None:
    with st.popover("Edit", icon=":material/edit:", type="tertiary"), st.form("edit", border=False):
        name = st.text_input("Name", experiment.name, max_chars=200)
        known = sorted({*experiment.tags, *connection.facets().tags})
        tags = st.multiselect("Tags", known, experiment.tags, accept_new_options=True)
        notes = st.text_area("Notes", experiment.notes, max_chars=MOST_NOTES, help="Markdown.")
        archived = st.toggle("Put away", experiment.archived, help="Into the archive, out of the list.")
        if st.form_submit_button("Save", type="primary"):
            with refusal_shown():
                client().update_experiment(
                    experiment.id, name=name, tags=tags, notes=notes, archived=archived
                )
                st.toast("Saved.", icon=":material/check:")
                st.rerun()


@st.dialog("Delete the experiment?")
def _delete(experiment: ExperimentDetail) -> None:
    st.markdown(
        f"**{sentences.plain(experiment.name)}** goes for good, with its curves, its evaluations and what it "
        "could be resumed from. Models that it made stay."
    )
    if st.button("Delete it", key="delete-confirmed", type="primary", on_click=_forget, args=[experiment.id]):
        st.rerun()  # the whole page, not the dialog alone


def _forget(experiment_id: str) -> None:
    with refusal_shown():
        client().delete_experiment(experiment_id)
        st.session_state[DELETED] = experiment_id
