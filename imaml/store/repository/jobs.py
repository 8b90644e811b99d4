"""Adaptations that are asked for and not waited for: looked at by tenant, worked on for all."""

from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from imaml.store.errors import NotFound
from imaml.store.repository.blobs import Blobs
from imaml.store.tables import IdempotencyRecord, Job
from imaml.store.values import LEASE, utc_now

MAX_ATTEMPTS = 3
"""Of a job whose worker dies; what kills one every time must not come back for ever."""

_UNFINISHED = Job.status.in_(("queued", "running"))


class Jobs:
    """A tenant's jobs."""

    def __init__(self, session: Session, tenant: str, blobs: Blobs) -> None:
        self._session = session
        self._tenant = tenant
        self._blobs = blobs

    def add(self, request: bytes, extends: str | None = None, created_by: str | None = None) -> Job:
        """Queue a request, made with that key: for a new adaptation, or for one that extends another."""
        job = Job(extends=extends, created_by=created_by)
        job.tenant = self._tenant
        job.request_sha256 = self._blobs.put(request)
        self._session.add(job)
        self._session.flush()
        return job

    def get(self, job_id: str) -> Job:
        """Return the job, or raise `NotFound`."""
        job = self._session.scalar(select(Job).where(Job.id == job_id, Job.tenant == self._tenant))
        if job is None:
            raise NotFound("job", job_id)
        return job

    def count_unfinished(self) -> int:
        """Count the tenant's jobs that wait or run."""
        unfinished = select(func.count()).select_from(Job).where(Job.tenant == self._tenant, _UNFINISHED)
        return self._session.scalar(unfinished) or 0


class Queue:
    """The jobs of all tenants, for those who work on them."""

    def __init__(self, session: Session, blobs: Blobs) -> None:
        self._session = session
        self._blobs = blobs

    def has_work(self) -> bool:
        """Say whether there is a job that nobody works on."""
        return self._session.scalar(select(Job.id).where(_free()).limit(1)) is not None

    def claim(self) -> Job | None:
        """Take a job that nobody works on, or whose worker has given no sign of life; None if there is none.

        Tenants take turns, each with its oldest first: nobody waits for all that another has asked for. A job
        that has lost its worker too often fails.
        """
        other = aliased(Job)
        last_turn = select(func.max(other.started_at)).where(other.tenant == Job.tenant).scalar_subquery()
        turns = (last_turn.is_not(None), last_turn, Job.id)  # who has had none comes first
        following = select(Job).where(_free()).order_by(*turns).limit(1)
        while (job := self._session.scalar(following.with_for_update(skip_locked=True))) is not None:
            if job.attempts < MAX_ATTEMPTS:
                now = utc_now()
                job.status, job.attempts, job.lease_until = "running", job.attempts + 1, now + LEASE
                job.started_at = job.started_at or now
                self._session.flush()
                return job
            self.finish(job, problem=_given_up(job))
        return None

    def request(self, job: Job) -> bytes:
        """Return what was asked for; raises `NotFound`, `CorruptBlob`."""
        return self._blobs.get(job.request_sha256 or "")

    def renew(self, job: Job) -> None:
        """Give a sign of life of the worker that claimed the job, if it still has it."""
        self._session.execute(update(Job).where(_is_held(job)).values(lease_until=utc_now() + LEASE))

    def put_back(self, job: Job) -> None:
        """Let somebody else work on it; this attempt does not count."""
        waiting = {"status": "queued", "lease_until": None, "attempts": Job.attempts - 1}
        self._session.execute(update(Job).where(_is_held(job)).values(waiting))

    def hold(self, job: Job) -> bool:
        """Let nobody else end the job during this transaction; False where somebody else has it by now."""
        held = select(Job.id).where(_is_held(job)).with_for_update()
        return self._session.scalar(held) is not None

    def finish(
        self, job: Job, *, adaptation_id: str | None = None, problem: dict[str, Any] | None = None
    ) -> None:
        """Record how a job that is held ended, and remove what was asked for."""
        job = self._session.get_one(Job, job.id)
        job.status = "succeeded" if problem is None else "failed"
        job.adaptation_id, job.problem, job.finished_at = adaptation_id, problem, utc_now()
        if problem is not None:  # so that the same request may be sent again, as when it fails at once
            failed = IdempotencyRecord.job_id == job.id
            self._session.execute(delete(IdempotencyRecord).where(failed))
        request, job.request_sha256 = job.request_sha256, None
        self._blobs.remove_unreferenced(request)


def _free() -> ColumnElement[bool]:
    abandoned = (Job.status == "running") & (Job.lease_until <= utc_now())
    return or_(Job.status == "queued", abandoned)


def _is_held(job: Job) -> ColumnElement[bool]:
    """Whether the job is still at the attempt for which it was claimed."""
    return (Job.id == job.id) & (Job.status == "running") & (Job.attempts == job.attempts)


def _given_up(job: Job) -> dict[str, Any]:
    return {
        "type": "/problems/interrupted",
        "title": "Interrupted",
        "status": 500,
        "detail": f"The service was interrupted {job.attempts} times while it worked on this job; "
        "send a smaller request, or ask whoever runs the service.",
        "errors": {},
    }
