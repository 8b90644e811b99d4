"""The same request, sent again under its key, is answered as it was the first time, and done once."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from backend.problems import Problem
from backend.work.leases import renewed
from imaml.store import Claim, IdempotencyRecord, Store, StoreError

_LOOK_EVERY_SECONDS = 0.05
_WAIT_SECONDS = 30


@asynccontextmanager
async def once(store: Store, key: str | None, request_hash: str) -> AsyncGenerator[IdempotencyRecord | None]:
    """Give the record of the answer that the request had before; None where the work is to be done inside.

    The work records its answer in the transaction that stores it; where it fails, the key is free again.
    Waits for somebody who is at the same work. Raises IdempotencyConflict; Problem where that takes too long.
    """
    if key is None:
        yield None
        return
    found = await _claim(store, key, request_hash)
    if isinstance(found, IdempotencyRecord):
        yield found
        return
    try:
        async with renewed(store, lambda transaction: transaction.idempotency.renew(found)):
            yield None
    except BaseException:
        with suppress(StoreError):  # the lease ends by itself
            await asyncio.shield(run_in_threadpool(_release, store, found))
        raise


async def _claim(store: Store, key: str, request_hash: str) -> Claim | IdempotencyRecord:
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        found = await run_in_threadpool(_try_claim, store, key, request_hash)
        if isinstance(found, Claim) or found.adaptation_id or found.job_id:
            return found
        if time.monotonic() > end:
            raise Problem(
                409,
                "request-in-progress",
                f"The request with the idempotency key {key!r} is still being worked on; "
                "send it again later.",
                headers={"Retry-After": "5"},
            )
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def _try_claim(store: Store, key: str, request_hash: str) -> Claim | IdempotencyRecord:
    with store.transaction() as transaction:
        return transaction.idempotency.claim(key, request_hash)


def _release(store: Store, claim: Claim) -> None:
    with store.transaction() as transaction:
        transaction.idempotency.release(claim)
