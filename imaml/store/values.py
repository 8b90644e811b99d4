"""Identifiers, time, and the rule for names."""

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

from imaml.store.errors import InvalidValue

MAX_NAME_LENGTH = 200
LEASE = timedelta(seconds=15)
"""How long somebody at work is believed to live without a sign of it."""
RANDOM_BITS = 80

_lock = threading.Lock()
_last_id = 0


def new_id() -> str:
    """Return 32 hexadecimal digits (48 bits of milliseconds, 80 random bits) that sort by time of creation.

    Within one process every id is greater than the one before it, whatever the clock does.
    """
    global _last_id
    with _lock:
        fresh = (time.time_ns() // 1_000_000) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
        _last_id = max(fresh, _last_id + 1)
        return f"{_last_id:032x}"


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def check_text(kind: str, text: str, forbidden: str = "") -> None:
    """Raise `InvalidValue` unless `text` is 1 to 200 printable characters, none of them in `forbidden`."""
    if not text.strip() or len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise InvalidValue(f"{kind} {text[:50]!r} must be 1 to {MAX_NAME_LENGTH} printable characters")
    if found := sorted(set(text) & set(forbidden)):
        raise InvalidValue(f"{kind} {text[:50]!r} must not contain {' or '.join(found)}")


def check_name(name: str) -> None:
    """Raise `InvalidValue` unless `name` can name an experiment or a model.

    "@" and ":" separate a model's name from its alias and its version, "/" the parts of an address.
    """
    check_text("name", name, forbidden="@:/")
