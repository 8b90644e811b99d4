"""Pages of a list that the service gives in parts, each after a cursor; the address names the one shown."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from imaml.client import ApiError

ADDRESS = "cursor"  # of the page shown, among the query parameters
INVALID = 422

Listed = TypeVar("Listed")


def fetch(listing: str, conditions: Hashable, read: Callable[[str | None], Listed]) -> Listed:
    """Return the page that the address names; the first, once the conditions are other ones than before."""
    before = st.session_state.setdefault(f"{listing}-conditions", conditions)
    if before != conditions:
        st.session_state[f"{listing}-conditions"] = conditions
        _forget(listing)
    cursor = st.query_params.get(ADDRESS)
    try:
        return read(cursor)
    except ApiError as error:
        if cursor is None or error.status != INVALID:
            raise
        _forget(listing)
        st.info("There is no such page any more; this is the first.")
        return read(None)


def turn(listing: str, next_cursor: str | None) -> None:
    """Draw what turns to the page before and to the one after, where there is another page."""
    cursor = st.query_params.get(ADDRESS)
    if cursor is None and next_cursor is None:
        return
    with st.container(horizontal=True, horizontal_alignment="center", key=f"turn-{listing}"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            type="tertiary",
            disabled=cursor is None,
            on_click=_back,
            args=[listing],
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            type="tertiary",
            disabled=next_cursor is None,
            on_click=_forth,
            args=[listing, next_cursor],
        )


def _back(listing: str) -> None:
    earlier = _earlier(listing)
    # Who came by the address of a page knows none before it but the first.
    _go(earlier.pop() if earlier else None)


def _forth(listing: str, cursor: str) -> None:
    _earlier(listing).append(st.query_params.get(ADDRESS))
    _go(cursor)


def _earlier(listing: str) -> list[str | None]:
    """The cursors of the pages before the one shown."""
    return st.session_state.setdefault(f"{listing}-cursors", [])


def _forget(listing: str) -> None:
    """Begin with the first page again."""
    st.session_state[f"{listing}-cursors"] = []
    st.query_params.pop(ADDRESS, None)


def _go(cursor: str | None) -> None:
    if cursor is None:
        st.query_params.pop(ADDRESS, None)
    else:
        st.query_params[ADDRESS] = cursor
