"""Where a model comes from and what came of it: experiment, model, adaptations; and its other versions."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.review.models.address import show_all, show_model
from dashboard.review.models.aliases import alias_badge
from imaml.client import ApiError, Experiment, Model

COUNTED = 50  # adaptations at most
OTHERS = 10  # versions at most
HIDDEN = (403, 404)  # what a key may not see, or what belongs to others
BOX = 270  # pixels


def lineage(model: Model, versions: Sequence[Model], experiment: Experiment | None) -> None:
    """Draw the way from the experiment to the adaptations, and the other versions of the name."""
    with st.container(horizontal=True, vertical_alignment="center", key="lineage"):
        with _box("Experiment"):
            _experiment(model, experiment)
        _arrow()
        with _box("Model"):
            st.markdown(f"**{sentences.plain(model.reference)}**")
            st.caption(sentences.moment(model.created_at))
        _arrow()
        with _box("Adaptations"):
            _adaptations(model)
    others = [version for version in versions if version.id != model.id]
    if others:
        st.subheader("Other versions", anchor=False)
    for version in others[:OTHERS]:
        _version(version)
    if len(others) > OTHERS:
        label = f"All {sentences.count(len(versions), 'version')}"
        st.button(label, type="tertiary", key="all-versions", on_click=show_all, args=[model.name])


def experiment_of(model: Model) -> Experiment | None:
    """Return the experiment that a model comes from, where there is one that may be seen."""
    if model.experiment_id is None:
        return None
    try:
        return client().experiment(model.experiment_id)
    except ApiError as error:
        if error.status not in HIDDEN:
            raise
        return None


def _experiment(model: Model, experiment: Experiment | None) -> None:
    if experiment is not None:
        _experiment_link(experiment.id, experiment.name)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(experiment.status, color=sentences.status_colour(experiment.status))
            st.caption(sentences.progress(experiment), width="content")
    elif model.experiment_id is None:
        st.markdown("None is known")
        st.caption("It was imported, or its experiment was deleted.")
    else:
        st.markdown("Not yours to see")
        st.caption("It belongs to somebody else, or your key may not review.")


def _adaptations(model: Model) -> None:
    made = _made(model)
    if made is None:
        st.markdown("Not yours to see")
        st.caption("Your key may neither adapt nor predict.")
        return
    st.page_link(
        "views/adaptations.py",
        label=f"**{made}**",
        query_params={"model": model.reference},
    )
    st.caption("What it was taught and is kept")


def _made(model: Model) -> str | None:
    """Return how many adaptations of a model are kept, None where that may not be seen."""
    try:
        page = client().adaptations_page(model=model.reference, limit=COUNTED)
    except ApiError as error:
        if error.status not in HIDDEN:
            raise
        return None
    counted = sentences.count(len(page.items), "adaptation")
    return f"More than {counted}" if page.next_cursor else counted


def _version(version: Model) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"version-{version.id}"):
        # A link to the page that one is on would leave the address as it is.
        reference = version.reference
        label = f"**{sentences.plain(reference)}**"
        st.button(label, type="tertiary", key=f"open-{version.id}", on_click=show_model, args=[reference])
        for alias in version.aliases:
            alias_badge(alias, version)
        st.caption(sentences.moment(version.created_at), width="content")
        if version.experiment_id:
            _experiment_link(version.experiment_id, "its experiment")


def _experiment_link(experiment_id: str, label: str) -> None:
    st.page_link(
        "views/experiment.py",
        label=f"**{sentences.plain(label)}**",
        query_params={"id": experiment_id},
    )


def _arrow() -> None:
    st.markdown(":gray[:material/arrow_forward:]", width="content")


@contextmanager
def _box(title: str) -> Generator[None]:
    with st.container(
        border=True, width=BOX, height="stretch", gap="xxsmall", key=f"lineage-{title.lower()}"
    ):
        st.caption(title)
        yield
