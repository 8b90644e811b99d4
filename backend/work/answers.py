"""An order for an adaptation, from its request to its answer: once under its key, at once or by a job."""

from dataclasses import dataclass

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from backend import problems
from backend.messages import schemas
from backend.settings import Settings
from backend.work import lessons, orders
from backend.work.engine import Engine
from backend.work.idempotency import once
from backend.work.jobs import Worker
from backend.work.lessons import Taught
from backend.work.orders import Order
from imaml.store import IdempotencyRecord, Job, QuotaExceeded, Store, Transaction

RESPOND_ASYNC = "respond-async"
"""The preference (RFC 7240) for an answer that comes at once, while the work is done later."""


@dataclass(frozen=True)
class Orders:
    """What it takes to answer orders."""

    store: Store
    engine: Engine
    settings: Settings
    worker: Worker
    key_id: str | None

    async def answer(
        self, order: Order, idempotency_key: str | None, *, later: bool
    ) -> schemas.Adaptation | Response:
        """Return the adaptation or, if it shall be made later, the job that will make it.

        Raises Problem and the errors of the store and of the runtime.
        """
        request_hash = await run_in_threadpool(order.sha256, later) if idempotency_key else ""
        async with once(self.store, idempotency_key, request_hash) as earlier:
            if earlier is not None:
                return await run_in_threadpool(self._earlier, earlier)
            if later:
                job = await run_in_threadpool(self._submit, order, idempotency_key)
                self.worker.wake()
                return _accepted(job)
            taught = await orders.learn(order, self.store, self.engine, self.settings)
            with self.engine.metrics.stage("store"):
                answer = await run_in_threadpool(self._keep, taught, idempotency_key)
            if isinstance(answer, schemas.Adaptation) and answer.id == taught.adaptation.id:
                self.engine.remember(answer.id, taught.adapted)
            return answer

    def _keep(self, taught: Taught, idempotency_key: str | None) -> schemas.Adaptation | Response:
        """Store it, unless another process took this one for dead and was faster."""
        with self.store.transaction() as transaction:
            if idempotency_key and (earlier := transaction.idempotency.answered(idempotency_key)):
                return _recorded(transaction, earlier)
            adaptation = orders.add(transaction, taught, self.settings, self.key_id)
            if idempotency_key:
                transaction.idempotency.answer(idempotency_key, adaptation_id=adaptation.id)
            return orders.shown(adaptation, transaction.models.get(adaptation.model_id))

    def _submit(self, order: Order, idempotency_key: str | None) -> Job:
        """Queue a job, for something that exists and may be made."""
        lessons.check_limits(order.body, self.settings)
        orders.look_up(order, self.store)
        with self.store.transaction() as transaction:
            most = orders.quota(transaction, self.settings)
            if most is not None:
                transaction.adaptations.check_quota(most, asked_for=transaction.jobs.count_unfinished())
            if transaction.jobs.count_unfinished() >= self.settings.max_jobs:
                raise (
                    problems.full()
                    if most is None
                    else QuotaExceeded(
                        f"there are {self.settings.max_jobs} jobs of yours that have not ended; wait for some"
                    )
                )
            job = transaction.jobs.add(order.to_bytes(), order.extends, self.key_id)
            if idempotency_key:
                transaction.idempotency.answer(idempotency_key, job_id=job.id)
            return job

    def _earlier(self, record: IdempotencyRecord) -> schemas.Adaptation | Response:
        with self.store.reading() as transaction:
            return _recorded(transaction, record)


def _recorded(transaction: Transaction, record: IdempotencyRecord) -> schemas.Adaptation | Response:
    if record.job_id is not None:
        return _accepted(transaction.jobs.get(record.job_id))
    adaptation = transaction.adaptations.get(record.adaptation_id or "")
    return orders.shown(adaptation, transaction.models.get(adaptation.model_id))


def _accepted(job: Job) -> Response:
    body = schemas.Job.model_validate(job, from_attributes=True)
    headers = {"Location": f"/v1/jobs/{job.id}", "Preference-Applied": RESPOND_ASYNC}
    return Response(body.model_dump_json(), 202, headers, "application/json")
