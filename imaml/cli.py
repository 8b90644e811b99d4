"""The `imaml` command."""

import sys

import click
from pydantic import ValidationError

from imaml.commands import data, database, doctor, evaluate, experiments, keys, models, services, train
from imaml.runtime.graphs import GraphError
from imaml.runtime.recipe import RecipeError
from imaml.store import StoreError
from imaml.tasks.dataset import DataError
from imaml.training.errors import TrainingError

FAILURES = (StoreError, DataError, TrainingError, GraphError, RecipeError, services.ServiceError)
"""Errors whose message is one clear line for the user; any other is a fault of the program."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="imaml")
def cli() -> None:
    """Few-shot learning as a service: train, review and serve classifiers that learn from a few examples."""


for command in (
    *(database.db, data.data, train.train, evaluate.evaluate, experiments.experiments, models.models),
    *(keys.keys, services.serve, services.dashboard, services.up, services.config, doctor.doctor),
):
    cli.add_command(command)


def main() -> None:
    """Run the command: status 0, 1 for a failure with one line on stderr, 2 for wrong usage."""
    try:
        cli()
    except FAILURES as error:
        click.echo(f"imaml: {error}", err=True)
        sys.exit(1)
    except ValidationError as error:  # of the settings; commands deal with their own
        first = error.errors()[0]
        name = "IMAML_" + "_".join(map(str, first["loc"])).upper()
        click.echo(
            f"imaml: {name}: {first['msg'].removeprefix('Value error, ')} (given: {first['input']!r})",
            err=True,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
