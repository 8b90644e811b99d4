"""`imaml models`: stored meta-models, their aliases, and the files they travel in."""

from pathlib import Path
from typing import Any

import click

from imaml import starter
from imaml.commands.database import open_store
from imaml.commands.output import json_option, print_json, print_rows
from imaml.runtime.verification import verify
from imaml.store import BundleError, Model, bundles

_LEFT_OUT = ("name", "split", "layout", "calibration")
"""Of a description, because it is long or told otherwise."""


@click.group()
def models() -> None:
    """Look at stored models and move them."""


@models.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the models, newest first."""
    with open_store().reading() as transaction:
        found: list[Model] = []
        cursor = None
        while True:
            page = transaction.models.list(cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                break
        aliases = transaction.models.aliases_of(found)
    rows = [
        {
            "model": f"{model.name}:{model.version}",
            "aliases": aliases[model.id] if as_json else ", ".join(aliases[model.id]),
            "dataset": model.description.get("dataset"),
            "created_at": model.created_at.isoformat(timespec="seconds"),
            "id": model.id,
        }
        for model in found
    ]
    print_rows(rows, as_json, "no models; train one with: imaml train --name NAME")


@models.command()
@click.argument("model")
@json_option
def show(model: str, as_json: bool) -> None:
    """Show everything known of MODEL, but for the class names of its split."""
    with open_store().reading() as transaction:
        row = transaction.models.resolve(model)
        aliases = transaction.models.aliases_of([row])[row.id]
    details: dict[str, Any] = {
        "id": row.id,
        "name": row.name,
        "version": row.version,
        "aliases": aliases,
        "experiment_id": row.experiment_id,
        "created_at": row.created_at.isoformat(timespec="seconds"),
        **{key: value for key, value in row.description.items() if key not in _LEFT_OUT},
        "calibration": row.description.get("calibration", {}).get("settings"),
        "split": {part: len(classes) for part, classes in row.description["split"].items()},
    }
    if as_json:
        print_json(details)
    else:
        print_rows([{"field": key, "value": value} for key, value in details.items()], False, "")


@models.command()
@click.argument("model")
@click.argument("alias")
def alias(model: str, alias: str) -> None:
    """Let NAME@ALIAS stand for MODEL from now on; "champion" is what the name alone stands for."""
    with open_store().transaction() as transaction:
        row = transaction.models.set_alias(model, alias)
    click.echo(f"{row.name}@{alias} is now {row.name}:{row.version}")


@models.command()
@click.argument("model")
def share(model: str) -> None:
    """Let every tenant of the service use MODEL."""
    with open_store().transaction() as transaction:
        row = transaction.models.share(model)
    click.echo(f"{row.name}:{row.version} is shared with all tenants")


@models.command()
def starters() -> None:
    """Store the models that come with imaml, for every tenant, unless they are stored already."""
    starter.load(open_store())
    click.echo(f"stored: {', '.join(starter.NAMES)}")


@models.command("export")
@click.argument("model")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def export_command(model: str, file: Path | None) -> None:
    """Write MODEL to FILE, by default NAME-vVERSION.imaml here."""
    with open_store().reading() as transaction:
        row = transaction.models.resolve(model)
        data = transaction.models.bundle(row)
    file = file or Path(f"{row.name}-v{row.version}.imaml")
    try:
        file.write_bytes(data)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{row.name}:{row.version} written to {file}, {len(data)} bytes")


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name to store it under; by default its own.")
@click.option("--shared", is_flag=True, help="Let every tenant of the service use it.")
def import_command(file: Path, name: str | None, shared: bool) -> None:
    """Verify FILE and store it as the next version of its name."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error
    bundle = bundles.read(data)
    name = name or str(bundle.description.get("name", ""))
    if not name:
        raise BundleError(f"{file} does not say what the model is called; give --name")
    verify(bundle.description, bundle.parameters, bundle.graphs, bundle.examples)
    with open_store().transaction() as transaction:
        row = transaction.models.add(name, data, shared=shared)
    click.echo(f"model {row.name}:{row.version} ({row.id})")
