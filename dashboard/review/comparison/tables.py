"""Tables as they are read, and to take away as they are."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.downloads import csv_download

Table = Sequence[Mapping[str, object]]


def table(shown: Table, exact: Table, title: str, meanings: Mapping[str, str] | None = None) -> None:
    """Draw a table that scrolls, its first column pinned; the download has the exact numbers.

    `meanings` are those of columns.
    """
    columns = {name: st.column_config.Column(help=text) for name, text in (meanings or {}).items()}
    first = next(iter(shown[0]))
    columns[first] = st.column_config.Column(pinned=True)
    st.dataframe(shown, hide_index=True, column_config=columns, alt=title)
    csv_download(exact, f"{title.lower().replace(' ', '-')}.csv")
