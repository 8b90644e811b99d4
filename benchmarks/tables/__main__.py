"""`python -m benchmarks.tables --data PATH`: train what is missing, while there is time."""

from fnmatch import fnmatch
from pathlib import Path

import click

from benchmarks.tables.cells import cells
from benchmarks.tables.report import write
from benchmarks.tables.runner import Slice
from imaml import tasks

FOLDER = Path(__file__).parent.parent / "results" / "omniglot"


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="The images.")
@click.option("--budget-seconds", type=float, default=600.0, show_default=True, help="Stop training after.")
@click.option("--only", multiple=True, default=["*"], help="Cells, as in 'imaml-*-5way-1shot-*'.")
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, help="Results and checkpoints.")
@click.option("--device", default="cpu", show_default=True)
def main(data: Path, budget_seconds: float, only: tuple[str, ...], folder: Path, device: str) -> None:
    """Train and score the cells that have no result yet."""
    work = Slice(folder, data, device, budget_seconds)
    chosen = [cell for cell in cells() if any(fnmatch(cell.slug, pattern) for pattern in only)]
    missing = [cell for cell in chosen if not work.done(cell)]
    click.echo(f"{len(chosen)} cells, {len(missing)} without a result")
    dataset = tasks.load("omniglot", data)
    for cell in missing:
        if work.over or not work.work(cell, dataset, click.echo):
            click.echo("the time is over; run the same command again to go on")
            break
    click.echo(write(folder))


main()
