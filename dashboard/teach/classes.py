"""The cards on which a visitor names classes and gives them images."""

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.teach.giving import UPLOAD, chosen_way, given, uploaded
from dashboard.teach.lesson import Desk, Group
from imaml.client import Limits, Model

CARD_WIDTH = 170  # pixels, below which the grid has a column less


def cards(desk: Desk, model: Model, limits: Limits) -> None:
    """Draw a card for each class, and above them the choice how images are given."""
    way = chosen_way(model, "way")
    if way == UPLOAD:
        _folders(desk, model, limits)
    with st.grid(min_column_width=CARD_WIDTH, gap="small"):
        for group in list(desk.groups):
            with st.container(border=True, key=f"class-{group.number}"):
                _name(desk, group, model, limits)
                if group.pictures:
                    _tray(group, model)
                    st.caption(sentences.count(len(group.pictures), "example"))
                _add(desk, group, way, model, limits)


def _folders(desk: Desk, model: Model, limits: Limits) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="folders"):
        st.markdown("All classes at once: a zip with a folder of images for each.", width="content")
        added, refused = uploaded("A zip of class folders", f"folders-{desk.tries}", limits, model.reference)
    if added or refused:
        desk.forget_refusals()
        desk.sort_in([picture for picture in added if picture.folder])
        loose = [picture.name for picture in added if not picture.folder]
        desk.unsorted = [*refused, *(f"{name}: it lies in no folder." for name in loose)]
        desk.tries += 1  # another key, so that the uploader is empty again
        st.rerun()
    for reason in desk.unsorted:
        st.error(sentences.plain(reason))


def _name(desk: Desk, group: Group, model: Model, limits: Limits) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        group.name = st.text_input(
            "Name of the class",
            group.name,
            key=f"name-{group.number}",
            max_chars=limits.max_label_length,
            placeholder="Name of the class",
            label_visibility="collapsed",
            live=True,  # so that Teach can be clicked right after the last letter
        )
        removable = len(desk.groups) > model.ways.min
        if removable and _cross("Remove the class", f"remove-{group.number}"):
            desk.groups.remove(group)
            st.rerun()


def _tray(group: Group, model: Model) -> None:
    with st.container(horizontal=True, gap="xsmall", key=f"tray-{group.number}"):
        for index, picture in enumerate(group.pictures):
            with st.container(width="content", gap=None, key=f"picture-{group.number}-{index}"):
                view = connection.view(picture.data, model.reference)
                st.html(pictures.pair(view.sent, view.seen, picture.name), width="content")
                if _cross(f"Remove {picture.name}", f"drop-{group.number}-{index}"):
                    del group.pictures[index]
                    st.rerun()


def _add(desk: Desk, group: Group, way: str, model: Model, limits: Limits) -> None:
    key = f"images-{group.number}-{group.uploads}"
    label = f"Images of {group.name or 'the class'}"
    added, refused = given(way, label, "Add the drawing", key, limits, model.reference)
    if added or refused:
        desk.forget_refusals()
        group.pictures += added
        group.refused = refused
        group.uploads += 1  # another key, so that the uploader is empty again
        st.rerun()
    for reason in group.refused:
        st.error(sentences.plain(reason))


def _cross(label: str, key: str) -> bool:
    return st.button(label, key=key, icon=":material/close:", type="tertiary")
