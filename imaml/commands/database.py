"""`imaml db`, and how every other command opens the database."""

import click

from imaml.settings import Settings
from imaml.store import Store, create_engine, current_revision, upgrade


def open_store() -> Store:
    """The store in force, brought to its newest migration. Raises DatabaseError."""
    url = Settings().database_url
    upgrade(url)
    return Store(create_engine(url))


@click.group()
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
def upgrade_command() -> None:
    """Bring the database to the newest migration, making it if there is none."""
    url = Settings().database_url
    upgrade(url)
    click.echo(f"database at revision {current_revision(create_engine(url))}")
