"""What SQLite and PostgreSQL say differently, and what every listing shares."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, Select, func, inspect, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from imaml.store.errors import InvalidValue
from imaml.store.tables import Base

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Part of a listing; `next_cursor` asks for the part after it and is None at the end."""

    items: list[Row]
    next_cursor: str | None


def is_postgresql(session: Session) -> bool:
    """Tell whether the session talks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def upsert(
    session: Session, table: type[Base], rows: Sequence[dict[str, Any]], update: Sequence[str]
) -> None:
    """Insert the rows; where the primary key exists, set the `update` columns instead."""
    if not rows:
        return
    insert = postgresql.insert(table) if is_postgresql(session) else sqlite.insert(table)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=inspect(table).primary_key,
            set_={name: insert.excluded[name] for name in update},
        ),
        rows,
    )


def lock(session: Session, *key: str) -> None:
    """Let one transaction at a time past this point for the same key, until it ends.

    On SQLite a writing transaction has the whole database to itself already.
    """
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(json.dumps(key), 0))))


def read_page(
    session: Session,
    statement: Select[Row],
    keys: Sequence[ColumnElement[Any]],
    *,
    descending: bool,
    cursor: str | None,
    limit: int,
) -> Page[Row]:
    """Return up to `limit` rows after `cursor`, ordered by `keys`, of which the last is unique.

    The cursor holds the last row's keys, so a page costs the same however far down it lies, and rows that
    come or go meanwhile shift nothing. Raises `InvalidValue` for a cursor that this listing did not give.
    """
    if cursor is not None:
        after = tuple_(*_decode_cursor(cursor, [key.type.python_type for key in keys]))
        statement = statement.where(tuple_(*keys) < after if descending else tuple_(*keys) > after)
    ordered = statement.order_by(*(key.desc() if descending else key for key in keys))
    found = session.execute(ordered.add_columns(*keys).limit(limit + 1)).all()
    more = len(found) > limit
    return Page(
        items=[row[0] for row in found[:limit]],
        next_cursor=_encode_cursor(found[limit - 1][1:]) if more else None,
    )


def _encode_cursor(keys: Sequence[str | float]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(keys)).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, types: Sequence[type]) -> list[str | float]:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        decoded = None
    keys = cast(list[object], decoded) if isinstance(decoded, list) else []
    if len(keys) != len(types) or not all(map(_is_key, keys, types)):
        raise InvalidValue(f"cursor {cursor[:50]!r} is not one of this listing; start again without a cursor")
    return cast(list[str | float], keys)


def _is_key(key: object, kind: type) -> bool:
    return isinstance(key, kind) and (not isinstance(key, str) or key.isprintable())
