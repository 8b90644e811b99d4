"""What a page shows when a call to the API comes to nothing."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from dashboard.connection import KEY, use_key
from dashboard.sentences import plain
from imaml.client import ApiError, ApiUnreachable, InvalidArgument

NO_KEY, NO_SCOPE = 401, 403
NO_PLACE = "/problems/not-found"

Drawn = ParamSpec("Drawn")


@contextmanager
def refusal_shown() -> Generator[None]:
    """Show what cannot be sent, or what the service refuses, as a sentence, and go on."""
    try:
        yield
    except (ApiError, InvalidArgument) as error:
        if isinstance(error, ApiError) and error.status == NO_KEY:
            raise
        st.error(_sentence(error), icon=":material/error:")


def _sentence(error: ApiError | InvalidArgument) -> str:
    """Return what went wrong, and what to do about it."""
    if not isinstance(error, ApiError):
        return plain(str(error))
    if error.type == NO_PLACE:  # what a name made of an address of the service
        return "The service has nothing of that name."
    return f"**{plain(error.title)}.** {plain(error.detail)}"


@contextmanager
def failure_shown() -> Generator[None]:
    """Show any failed call in place of the rest of the page."""
    try:
        with refusal_shown():
            try:
                yield
            except ApiError as error:
                if error.status != NO_SCOPE:
                    raise
                _ask_for_key(error, "Another key may do this")
    except ApiUnreachable as error:
        _unreachable(error)
    except ApiError as error:
        _ask_for_key(error, "The service asks for a key")


def part(draw: Callable[Drawn, None], run_every: float | None = None) -> Callable[Drawn, None]:
    """Make of what draws a part of a page one that is drawn anew alone, every few seconds too if asked.

    When it is, nothing around it would catch a call that comes to nothing; it shows that itself.
    """

    @wraps(draw)
    def drawn(*args: Drawn.args, **options: Drawn.kwargs) -> None:
        with failure_shown():
            draw(*args, **options)

    return st.fragment(drawn, run_every=run_every)


def _unreachable(error: ApiUnreachable) -> None:
    with st.container(key="unreachable", border=True):
        st.subheader("The service does not answer", anchor=False)
        st.markdown(str(error))
        # A button reruns the page, which is all that trying again takes.
        st.button("Try again", type="primary", icon=":material/refresh:")


def _ask_for_key(error: ApiError, title: str) -> None:
    with st.container(key="no-key", border=True):
        st.subheader(title, anchor=False)
        if KEY in st.session_state or error.status == NO_SCOPE:
            st.error(_sentence(error), icon=":material/error:")
        st.markdown(
            "Whoever runs the service makes one with `imaml keys create`. It is forgotten with this tab."
        )
        with st.form("key-form", border=False):
            key = st.text_input("Key", type="password", autocomplete="off", width=420)
            if st.form_submit_button("Go on", type="primary") and key.strip():
                with refusal_shown():
                    use_key(key.strip())
                    st.rerun()
