"""What the address says about the comparison, so that another may open the same."""

from collections.abc import Callable, Sequence

import streamlit as st

IDS = "ids"


def ids() -> list[str]:
    """Return the experiments that the address names, each once."""
    named = (part.strip() for part in st.query_params.get(IDS, "").split(","))
    return list(dict.fromkeys(part for part in named if part))


def compare(experiment_ids: Sequence[str]) -> None:
    """Let the address name these."""
    _name(IDS, ",".join(experiment_ids))


def chosen(key: str, label: str, options: Sequence[str], shown: Callable[[str], str] = str) -> str:
    """Draw a choice between options, which the address names as they are and not as they are shown."""
    given = st.query_params.get(key)
    # The address decides, so that the browser's Back undoes a choice; only a visitor's choice is written.
    st.session_state[key] = given if given in options else options[0]
    return st.selectbox(label, options, format_func=shown, key=key, on_change=_keep, args=(key, options[0]))


def _keep(key: str, default: str) -> None:
    choice = st.session_state[key]
    _name(key, "" if choice == default else choice)


def _name(key: str, value: str) -> None:
    if value:
        st.query_params[key] = value
    else:
        st.query_params.pop(key, None)
