"""Rows of numbers as people paste them: comma, semicolon or tab between the cells, a header or none."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite


class RowsError(ValueError):
    """Text that is no such table; the message is a sentence for whoever pasted it."""


@dataclass(frozen=True)
class Row:
    """A vector, with what stands before it: a label, a number to predict, or nothing."""

    target: str
    numbers: tuple[float, ...]


def parse(text: str, length: int) -> list[Row]:
    """Return the rows of a table of `length` numbers a line, with or without a column before them.

    Raises RowsError, which names the line.
    """
    delimiter = max("\t;,", key=text.count)
    lines = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    rows: list[Row] = []
    for number, cells in enumerate(lines, 1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) not in (length, length + 1):
            raise RowsError(f"Line {number} has {len(cells)} columns; there must be {length} numbers in it.")
        target = cells[0].strip() if len(cells) > length else ""
        try:
            rows.append(Row(target, tuple(map(_number, cells[-length:]))))
        except ValueError as error:
            if number > 1:  # the first line may be a header
                raise RowsError(f"Line {number}: {error}") from error
    return rows


def text_of(rows: Iterable[Row]) -> str:
    """Return a table that `parse` reads."""
    quoted = ((f'"{row.target}"' if "," in row.target else row.target, row.numbers) for row in rows)
    return "\n".join(", ".join([*filter(None, [target]), *map(repr, numbers)]) for target, numbers in quoted)


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ValueError(f"“{cell.strip()[:20]}” is no number.")
    return number
