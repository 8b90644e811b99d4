"""Rows as people paste them: whatever parts the cells, with or without a header; a bad line is named."""

import pytest

from dashboard.teach.rows import Row, RowsError, parse, text_of


@pytest.mark.parametrize(
    "text",
    ["cat, 1, 2.5\ndog, -3, 4e1", "cat\t1\t2.5\ndog\t-3\t4e1\n", "label;x;y\ncat;1;2.5\n\n dog ; -3 ; 4e1"],
)
def test_cells_may_be_parted_by_commas_tabs_or_semicolons(text: str) -> None:
    assert parse(text, 2) == [Row("cat", (1, 2.5)), Row("dog", (-3, 40))]


def test_what_belongs_to_a_row_may_be_left_out() -> None:
    assert parse("1, 2\n3, 4", 2) == [Row("", (1, 2)), Row("", (3, 4))]
    assert parse("", 2) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, 1\nb, 1, 2", "Line 1 has 2 columns; there must be 3 numbers"),
        ("a, 1, 2, 3\nb, 1, 2, x", "Line 2: “x” is no number"),
        ("a, 1, 2, 3\nb, 1, 2, nan", "Line 2: “nan” is no number"),
    ],
)
def test_bad_line_is_named(text: str, message: str) -> None:
    with pytest.raises(RowsError, match=message):
        parse(text, 3)


def test_text_of_rows_gives_them_back() -> None:
    rows = [Row("a cat", (0.1, 2.0)), Row("dogs, two", (1e-9, -3.0)), Row("", (1.0, 2.0))]
    assert parse(text_of(rows), 2) == rows
