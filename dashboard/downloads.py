"""Tables to take away."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

BOM = "\ufeff"  # by which spreadsheets know UTF-8


Rows = Sequence[Mapping[str, object]]


def csv_download(rows: Rows | Callable[[], Rows], file_name: str) -> None:
    """Draw a button that downloads a table, or one that is fetched then.

    Its columns are those of all its rows, in their order.
    """
    st.download_button(
        "CSV",
        lambda: csv_of(rows() if callable(rows) else rows),
        file_name=file_name,
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        help="Download this table.",
        key=f"csv-{file_name}",
        on_click="ignore",
    )


def csv_of(rows: Rows) -> str:
    """Return rows as CSV; no cell begins as a formula does, which a spreadsheet would run."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return BOM + text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
