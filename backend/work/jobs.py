"""Adaptations that nobody waits for: one at a time in each process, beside the requests."""

import asyncio
from contextlib import suppress

from backend import logs, problems
from backend.settings import Settings
from backend.work import orders
from backend.work.engine import Engine
from backend.work.leases import renewed
from backend.work.lessons import Taught
from backend.work.orders import Order
from backend.work.threads import finish
from imaml.store import DatabaseError, Job, Store, StoreError

_LOOK_EVERY_SECONDS = 1.0
_BUSY = 503

_log = logs.get_logger()


class Worker:
    """Works on jobs of any tenant; one that it cannot finish, others take over."""

    def __init__(self, store: Store, engine: Engine, settings: Settings) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings
        self._asked = asyncio.Event()

    def wake(self) -> None:
        """Look for work at once: there is some."""
        self._asked.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._asked.clear()
            try:
                while job := await finish(_claim, self._store):
                    await self._work_on(job)
            except DatabaseError as error:  # it may come back
                _log.warning("jobs wait", error=f"{error}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), _LOOK_EVERY_SECONDS)

    async def _work_on(self, job: Job) -> None:
        store = self._store.of(job.tenant)
        try:
            async with renewed(store, lambda transaction: transaction.queue.renew(job)):
                order = await finish(_order, store, job)
                taught = await orders.learn(order, store, self._engine, self._settings)
                await finish(self._keep, store, job, taught)
        except asyncio.CancelledError:
            with suppress(StoreError):  # the lease runs out by itself
                await finish(_put_back, store, job)
            raise
        except DatabaseError:
            raise  # the lease runs out, and somebody takes it over
        except Exception as error:
            problem = problems.of(error)
            if problem.status_code == _BUSY:
                await finish(_put_back, store, job)
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
                return
            if problem.status_code >= 500:
                _log.exception("job failed", job=job.id)
            await finish(_fail, store, job, problem)

    def _keep(self, store: Store, job: Job, taught: Taught) -> None:
        with store.transaction() as transaction:
            if transaction.queue.hold(job):
                adaptation = orders.add(transaction, taught, self._settings, job.created_by)
                transaction.queue.finish(job, adaptation_id=adaptation.id)


def _claim(store: Store) -> Job | None:
    with store.reading() as transaction:
        if not transaction.queue.has_work():  # so that looking does not write
            return None
    with store.transaction() as transaction:
        return transaction.queue.claim()


def _order(store: Store, job: Job) -> Order:
    with store.reading() as transaction:
        return Order.from_bytes(transaction.queue.request(job), job.extends)


def _put_back(store: Store, job: Job) -> None:
    with store.transaction() as transaction:
        transaction.queue.put_back(job)


def _fail(store: Store, job: Job, problem: problems.Problem) -> None:
    with store.transaction() as transaction:
        if transaction.queue.hold(job):
            transaction.queue.finish(job, problem=problems.document(problem).model_dump())
