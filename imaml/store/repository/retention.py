"""What has had its time, of every tenant."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from imaml.store.repository.adaptations import Adaptations
from imaml.store.repository.idempotency import KEPT
from imaml.store.tables import IdempotencyRecord, Job

JOBS_KEPT = timedelta(hours=24)
"""After a job has ended."""


class Retention:
    """Removes for good what has expired: rows, and the bytes that nothing else refers to."""

    def __init__(self, session: Session, adaptations: Adaptations) -> None:
        self._session = session
        self._adaptations = adaptations

    def sweep(self, now: datetime) -> int:
        """Remove what has expired at `now`; return how many adaptations there were among it."""
        self._session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.created_at <= now - KEPT))
        self._session.execute(delete(Job).where(Job.finished_at <= now - JOBS_KEPT))
        return self._adaptations.remove_expired(now)
