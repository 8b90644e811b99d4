"""A table that is downloaded holds what was shown, and nothing that a spreadsheet would run."""

import csv
import io

import pytest

from dashboard.downloads import csv_of


def _read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_columns_of_all_rows_in_their_order() -> None:
    rows = [{"name": "é, ü", "accuracy": 0.5}, {"name": "two", "tags": ["a", "b"]}]
    assert _read(csv_of(rows)) == [
        ["name", "accuracy", "tags"],
        ["é, ü", "0.5", ""],
        ["two", "", "a b"],
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert _read(csv_of([{"name": cell}]))[1] == [f"'{cell}"]
    assert _read(csv_of([{"value": -1}]))[1] == ["-1"]
