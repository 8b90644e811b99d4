"""What can go wrong in the store; the text of each error is one line that a user can act on."""

from collections.abc import Sequence

LISTED = 10


class StoreError(Exception):
    """Base of all errors of the store."""


class DatabaseError(StoreError):
    """The database cannot be used: unreachable, unreadable, locked or not migrated."""


class InvalidValue(StoreError):
    """A value that the store does not keep, such as a name with a forbidden character."""


class IdempotencyConflict(StoreError):
    """An idempotency key that another request has used."""


class QuotaExceeded(StoreError):
    """A tenant has as much as it may have."""


class BundleError(StoreError):
    """A file that is not a sound `.imaml` bundle."""


class CorruptBlob(StoreError):
    """Stored bytes that no longer have the hash under which they were stored."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"the stored bytes {sha256} are damaged: their SHA-256 is another; "
            "restore the database from a backup, or store the same file again"
        )
        self.sha256 = sha256


class NotFound(StoreError):
    """No such row for this tenant; a row of another tenant is told apart by nothing."""

    def __init__(self, kind: str, reference: str, known: Sequence[str] | None = None) -> None:
        super().__init__(
            f'no {kind} "{reference[:100]}"' + ("" if known is None else f"; {_listing(kind, known)}")
        )
        self.kind = kind
        self.reference = reference


def _listing(kind: str, known: Sequence[str]) -> str:
    if not known:
        return f"no {kind}s are stored"
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f"stored {kind}s: {', '.join(known[:LISTED])}{more}"
