"""The version of a database's tables, and bringing it to the newest."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from imaml.store.engine import READING, parse_url, shown
from imaml.store.errors import DatabaseError


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest migration.

    The folder of an SQLite file and the file are made where there are none, for their owner alone. Any
    number of processes may do this at once: one migrates, the others wait. Raises `DatabaseError`.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        try:
            Path(parsed.database).parent.mkdir(0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"cannot use database {shown(parsed)}: {error.strerror} ({error.filename}); "
                "set IMAML_HOME to a folder that may be written"
            ) from error
    try:
        command.upgrade(migrations_config(url), "head")
    except CommandError as error:
        raise DatabaseError(
            f"cannot use database {shown(parsed)}: {error}; a newer imaml made it: install that one"
        ) from error


def current_revision(engine: Engine) -> str | None:
    """Return the migration that the database stands at, or None for one without tables."""
    with engine.connect().execution_options(**READING) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(engine: Engine) -> bool:
    """Tell whether the database stands at the newest migration."""
    newest = ScriptDirectory(str(_migrations_folder())).get_current_head()
    return current_revision(engine) == newest


def migrations_config(url: str) -> Config:
    """Return Alembic's configuration for the database at `url`."""
    config = Config()
    config.set_main_option("script_location", str(_migrations_folder()))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def _migrations_folder() -> Path:
    package = Path(__file__).parents[1]
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"
