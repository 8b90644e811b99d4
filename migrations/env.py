"""Run the migrations in one transaction, so that a failed one leaves the database as it was."""

import sqlite3

from alembic import context
from sqlalchemy import text

from imaml.settings import Settings
from imaml.store.engine import create_engine
from imaml.store.tables import Base

# Any number that nothing else locks: while it is held, other processes wait with their own upgrade.
MIGRATION_LOCK = 7_310_221


def run_migrations() -> None:
    """Bring the database to the asked revision."""
    engine = create_engine(context.config.get_main_option("sqlalchemy.url") or Settings().database_url)
    try:
        with engine.connect() as connection:
            driver_connection = connection.connection.driver_connection
            if isinstance(driver_connection, sqlite3.Connection):
                # SQLite changes a table by making it anew; with foreign keys on, dropping the old one would
                # delete the rows that refer to it. It has to be set before the transaction begins.
                driver_connection.execute("PRAGMA foreign_keys = OFF")
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
                context.run_migrations()
    finally:
        engine.dispose()


if context.is_offline_mode():
    raise SystemExit("migrations need a database: run them without --sql")
run_migrations()
