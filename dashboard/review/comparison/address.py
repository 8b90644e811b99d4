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
    if experiment_ids:
        st.query_params[IDS] = ",".join(experiment_ids)
    else:
        st.query_params.pop(IDS, None)


def chosen(key: str, label: str, options: Sequence[str], shown: Callable[[str], str] = str) -> str:
    """Draw a choice between options, which the address names as they are and not as they are shown."""
    given = st.query_params.get(key)
    index = options.index(given) if given in options else 0
    choice = st.selectbox(label, options, index, format_func=shown, key=key)
    if choice != given:
        st.query_params[key] = choice
    return choice
