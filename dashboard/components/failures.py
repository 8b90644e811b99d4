"""What a page shows when a call to the API comes to nothing."""

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from dashboard.sentences import plain
from imaml.client import ApiError, ApiUnreachable, InvalidArgument


@contextmanager
def refusal_shown() -> Generator[None]:
    """Show what cannot be sent, or what the service refuses, as a sentence, and go on."""
    try:
        yield
    except (ApiError, InvalidArgument) as error:
        st.error(plain(str(error)), icon=":material/error:")


@contextmanager
def failure_shown() -> Generator[None]:
    """Show any failed call in place of the rest of the page."""
    try:
        with refusal_shown():
            yield
    except ApiUnreachable as error:
        _unreachable(error)


def _unreachable(error: ApiUnreachable) -> None:
    with st.container(key="unreachable", border=True):
        st.subheader("The service does not answer", anchor=False)
        st.markdown(str(error))
        # A button reruns the page, which is all that trying again takes.
        st.button("Try again", type="primary", icon=":material/refresh:")
