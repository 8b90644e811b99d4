"""Requests that carry a key: which are being worked on, and what each was answered with."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from imaml.store.errors import IdempotencyConflict
from imaml.store.repository.adaptations import Adaptations
from imaml.store.repository.portable import lock
from imaml.store.tables import IdempotencyRecord
from imaml.store.values import LEASE, utc_now

KEPT = timedelta(hours=24)


@dataclass(frozen=True)
class Claim:
    """The right to do the work under a key; where its lease ran out, somebody has a later one."""

    key: str
    made_at: datetime


class Idempotency:
    """A tenant's requests that carry a key; each is done once, however often it is sent."""

    def __init__(self, session: Session, tenant: str, adaptations: Adaptations) -> None:
        self._session = session
        self._tenant = tenant
        self._adaptations = adaptations

    def claim(self, key: str, request_hash: str) -> Claim | IdempotencyRecord:
        """Return a claim where the work is the caller's from now on, or the record of whoever was before.

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
        record = IdempotencyRecord(
            tenant=self._tenant, key=key, request_hash=request_hash, lease_until=now + LEASE
        )
        self._session.add(record)
        self._session.flush()
        return Claim(key, record.created_at)

    def answered(self, key: str) -> IdempotencyRecord | None:
        """Return the record if it has an answer; let nobody else give one during this transaction."""
        lock(self._session, "idempotency key", self._tenant, key)
        record = self._get(key)
        return record if record is not None and (record.adaptation_id or record.job_id) else None

    def answer(self, key: str, *, adaptation_id: str | None = None, job_id: str | None = None) -> None:
        """Record the answer to the request that claimed the key."""
        values = {"adaptation_id": adaptation_id, "job_id": job_id}
        self._session.execute(update(IdempotencyRecord).where(self._has(key)).values(values))

    def renew(self, claim: Claim) -> None:
        """Give a sign of life of the work; for a claim that somebody else has by now, do nothing."""
        values = {"lease_until": utc_now() + LEASE}
        self._session.execute(update(IdempotencyRecord).where(self._is(claim)).values(values))

    def release(self, claim: Claim) -> None:
        """Let go of a key whose work has failed, so that the request may be sent again."""
        unanswered = IdempotencyRecord.adaptation_id.is_(None) & IdempotencyRecord.job_id.is_(None)
        self._session.execute(delete(IdempotencyRecord).where(self._is(claim), unanswered))

    def _stands(self, record: IdempotencyRecord) -> bool:
        """Whether somebody is at work, or there is still what the answer was."""
        if record.adaptation_id is not None:
            return self._adaptations.has(record.adaptation_id)
        return record.job_id is not None or record.lease_until > utc_now()

    def _get(self, key: str) -> IdempotencyRecord | None:
        return self._session.scalar(select(IdempotencyRecord).where(self._has(key)))

    def _is(self, claim: Claim) -> ColumnElement[bool]:
        return self._has(claim.key) & (IdempotencyRecord.created_at == claim.made_at)

    def _has(self, key: str) -> ColumnElement[bool]:
        return (IdempotencyRecord.tenant == self._tenant) & (IdempotencyRecord.key == key)
