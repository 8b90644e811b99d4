"""`imaml data`: the data sets that can be learned from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imaml.commands.output import json_option, print_rows
from imaml.settings import Settings

if TYPE_CHECKING:
    from imaml.tasks import Dataset

DESCRIPTIONS = {
    "glyphs": "characters drawn by a program, needs no files",
    "omniglot": "handwritten characters of 50 alphabets, in the official layout at --data",
    "mini-imagenet": "photographs of 100 classes, with the usual split files or as pickled arrays at --data",
    "folder": "any images, in a folder or zip of class folders at --data",
    "table": "vectors with a label column, a file .npz, .csv or .parquet at --data",
    "clusters": "vectors of 16 numbers in classes, made by a program, needs no files",
    "sinusoid": "regression of sine waves drawn by a program, needs no files",
}


@click.group()
def data() -> None:
    """Look at data sets."""


@data.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the data sets by name."""
    rows = [{"name": name, "description": text} for name, text in DESCRIPTIONS.items()]
    print_rows(rows, as_json, "")


def load(name: str, path: Path | None, image_size: int = 84, grey: bool = False) -> "Dataset":
    """Load a data set for training or evaluation, from IMAML_DATA where no path is given."""
    from imaml import tasks

    return tasks.load(name, path or Settings().data, image_size=image_size, grey=grey)
