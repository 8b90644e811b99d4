"""Engines for SQLite and PostgreSQL, set up so that both behave alike and fail with one clear line."""

import json
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, QueuePool, event, exc, make_url
from sqlalchemy.engine import ExceptionContext

from imaml.store.errors import DatabaseError, InvalidValue

BUSY_TIMEOUT_SECONDS = 30
CONNECT_TIMEOUT_SECONDS = 10
POOL_TIMEOUT_SECONDS = 10
_ASK_EVERY_SECONDS = 0.002

# Execution options of a transaction that only reads.
READING: dict[str, Any] = {"reading": True, "postgresql_readonly": True}

_ADVICE = {
    "not a database": "move the file away and run `imaml db upgrade`, or restore it from a backup",
    "malformed": "move the file away and run `imaml db upgrade`, or restore it from a backup",
    "unable to open": "check that its folder exists and may be written, then run `imaml db upgrade`",
    "is locked": f"another process kept it locked for {BUSY_TIMEOUT_SECONDS} s: stop that process",
    "is full": "free some disk space",
    "no space left": "free some disk space",
    "readonly": "check that the file and its folder may be written",
    "read-only": "check that the database may be written",
    "no such table": "bring it up to date with `imaml db upgrade`",
    "no such column": "bring it up to date with `imaml db upgrade`",
    "no column named": "bring it up to date with `imaml db upgrade`",
    "does not exist": "create it, or bring it up to date with `imaml db upgrade`",
    "password": "check the user and the password in IMAML_DATABASE_URL",
    "connect": "check that the server runs and that IMAML_DATABASE_URL names it",
}

# A server whose machine is gone says nothing more, and without these its clients wait for minutes to hours.
_GONE_SECONDS = 10
_NOTICE_THAT_IT_IS_GONE = {
    "keepalives_idle": _GONE_SECONDS,
    "keepalives_interval": _GONE_SECONDS // 2,
    "tcp_user_timeout": _GONE_SECONDS * 1000,
}


class _Pool(QueuePool):
    """Says in one line that all of its connections are in use."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except exc.TimeoutError as error:
            raise DatabaseError(
                f"cannot use the database: all {self.checkedout()} connections of this process were in use "
                f"for {POOL_TIMEOUT_SECONDS} s; send less at once, or look at what the database is busy with"
            ) from error


def create_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///FILE` or `postgresql://…`; nothing is connected yet.

    Whatever uses the engine meets `DatabaseError` when the database cannot be used, and `InvalidValue` when
    it refuses a value. `DatabaseError` is also raised here, for a URL that is neither kind.
    """
    parsed = parse_url(url)
    alike: dict[str, Any] = {
        "json_serializer": partial(json.dumps, allow_nan=False),
        "poolclass": _Pool,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
    }
    if parsed.get_backend_name() == "sqlite":
        engine = sqlalchemy.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **alike)
        event.listen(engine, "do_connect", _make_file)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = sqlalchemy.create_engine(
            parsed,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, **_NOTICE_THAT_IT_IS_GONE},
            **alike,
        )
    event.listen(engine, "handle_error", partial(_raise_clear_error, parsed))
    return engine


def parse_url(url: str) -> URL:
    """Return the URL with the driver that is used for it, or raise `DatabaseError`."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise DatabaseError(
            "IMAML_DATABASE_URL is no database URL; use sqlite:///FILE or postgresql://…"
        ) from error
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    # A database in memory would be another one for each connection.
    is_file = parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:")
    if not is_file and parsed.drivername != "postgresql+psycopg":
        raise DatabaseError(f"cannot use database {shown(parsed)}; use sqlite:///FILE or postgresql://…")
    return parsed


def shown(url: URL) -> str:
    """Return the URL for a message: its password masked, its parameters, which may hold one too, left out."""
    return url.set(query={}).render_as_string(hide_password=True)


def _make_file(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
    """Make the file, if there is none, for its owner alone: SQLite would let everyone read it.

    It must not be opened where there is one: closing it again would take this process's locks off it.
    """
    if not options.get("uri"):
        with suppress(OSError):  # SQLite says what is wrong
            Path(arguments[0]).touch(0o600, exist_ok=False)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes too late (after the first reads): it is off, and `_begin_sqlite` does it.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a reader that turns writer later fails instead of waiting its turn."""
    reading = connection.get_execution_options().get("reading", False)
    if connection.info.get("reading") is not reading:
        connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
        connection.info["reading"] = reading
    if reading:
        connection.exec_driver_sql("BEGIN")
    else:
        _lock_sqlite(connection)


def _lock_sqlite(connection: Connection) -> None:
    """Ask for the write lock often: SQLite's own busy handler comes to ask every tenth of a second.

    By then a process that writes all the time has taken the lock again, time after time.
    """
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, sqlite3.Connection)
    end = monotonic() + BUSY_TIMEOUT_SECONDS
    driver_connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver_connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > end:
                    raise _unusable(connection.engine.url, f"{error}") from error
            sleep(_ASK_EVERY_SECONDS)
    finally:
        driver_connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")


def _raise_clear_error(url: URL, context: ExceptionContext) -> None:
    if context.is_pre_ping:
        return  # A connection has gone stale: the pool replaces it.
    error, reason = context.sqlalchemy_exception, f"{context.original_exception}".partition("\n")[0]
    if isinstance(error, exc.DataError):
        raise InvalidValue(f"the database refuses a value: {reason}")
    # The other kinds are violated constraints and mistakes in a statement: bugs, not conditions.
    unusable = isinstance(error, exc.OperationalError) or type(error) is exc.DatabaseError
    if unusable or "does not exist" in reason:
        raise _unusable(url, reason)


def _unusable(url: URL, reason: str) -> DatabaseError:
    advice = next((text for key, text in _ADVICE.items() if key in reason.lower()), "look at its log")
    return DatabaseError(f"cannot use database {shown(url)}: {reason}; {advice}")
