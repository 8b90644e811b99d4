"""Requests that carry a key: which are being worked on, and what each was answered with."""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from imaml.store.errors import IdempotencyConflict
from imaml.store.repository.adaptations import Adaptations
from imaml.store.repository.portable import lock
from imaml.store.tables import IdempotencyRecord
from imaml.store.values import utc_now

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=15)
"""How long a worker is believed to live without a sign of it."""


class Idempotency:
    """A tenant's requests that carry a key; each is done once, however often it is sent."""

    def __init__(self, session: Session, tenant: str, adaptations: Adaptations) -> None:
        self._session = session
        self._tenant = tenant
        self._adaptations = adaptations

    def claim(self, key: str, request_hash: str) -> IdempotencyRecord | None:
        """Return None where the work is the caller's from now on, or the record of whoever was before.

        The record has the answer, or none yet where somebody is at work; an adaptation that has expired or
        was deleted is no answer any more. Raises `IdempotencyConflict` where another request has the key.
        """
        lock(self._session, "idempotency key", self._tenant, key)
        now = utc_now()
        record = self._get(key)
        if record is not None and record.created_at > now - KEPT:
            if record.request_hash != request_hash:
                raise IdempotencyConflict(
                    f"the idempotency key {key!r} belongs to another request; "
                    "send that one again unchanged, or choose a new key"
                )
            if self._stands(record):
                return record
        self._session.execute(delete(IdempotencyRecord).where(self._has(key)))
        self._session.add(
            IdempotencyRecord(
                tenant=self._tenant, key=key, request_hash=request_hash, lease_until=now + LEASE
            )
        )
        self._session.flush()
        return None

    def answered(self, key: str) -> IdempotencyRecord | None:
        """Return the record if it has an answer; let nobody else give one during this transaction."""
        lock(self._session, "idempotency key", self._tenant, key)
        record = self._get(key)
        return record if record is not None and (record.adaptation_id or record.job_id) else None

    def answer(self, key: str, *, adaptation_id: str | None = None, job_id: str | None = None) -> None:
        """Record the answer to the request that claimed the key."""
        values = {"adaptation_id": adaptation_id, "job_id": job_id}
        self._session.execute(update(IdempotencyRecord).where(self._has(key)).values(values))

    def renew(self, key: str) -> None:
        """Give a sign of life of the work under the key."""
        values = {"lease_until": utc_now() + LEASE}
        self._session.execute(update(IdempotencyRecord).where(self._has(key)).values(values))

    def release(self, key: str) -> None:
        """Let go of a key whose work has failed, so that the request may be sent again."""
        unanswered = IdempotencyRecord.adaptation_id.is_(None) & IdempotencyRecord.job_id.is_(None)
        self._session.execute(delete(IdempotencyRecord).where(self._has(key), unanswered))

    def _stands(self, record: IdempotencyRecord) -> bool:
        """Whether somebody is at work, or there is still what the answer was."""
        if record.adaptation_id is not None:
            return self._adaptations.has(record.adaptation_id)
        return record.job_id is not None or record.lease_until > utc_now()

    def _get(self, key: str) -> IdempotencyRecord | None:
        return self._session.scalar(select(IdempotencyRecord).where(self._has(key)))

    def _has(self, key: str) -> ColumnElement[bool]:
        return (IdempotencyRecord.tenant == self._tenant) & (IdempotencyRecord.key == key)
