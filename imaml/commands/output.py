"""How commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 250

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: object) -> None:
    """Print a JSON document; times and paths as text."""
    click.echo(json.dumps(value, indent=2, default=str))


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, empty: str) -> None:
    """Print dictionaries with the same keys as a JSON list or as a table; `empty` says what no rows mean."""
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        table = Table(*rows[0], box=None, header_style="bold", pad_edge=False)
        for row in rows:
            # As text, since a name may hold what Rich takes for markup.
            table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
        # Where nobody looks, nothing is cut off.
        Console(width=None if sys.stdout.isatty() else WIDTH).print(table)
