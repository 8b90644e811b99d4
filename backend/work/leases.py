"""Signs of life of work under way, so that another process takes it over when this one dies."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from backend import logs
from backend.work.threads import finish
from imaml.store import Store, StoreError, Transaction

_EVERY_SECONDS = 4

_log = logs.get_logger()


@asynccontextmanager
async def renewed(store: Store, renew: Callable[[Transaction], None]) -> AsyncGenerator[None]:
    """Renew a lease in the store, again and again, for as long as the work inside takes."""

    def once() -> None:
        with store.transaction() as transaction:
            renew(transaction)

    async def keep_renewing() -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await finish(once)
            except StoreError as error:  # the lease lasts for some more tries
                _log.warning("lease not renewed", error=f"{error}")

    renewing = asyncio.create_task(keep_renewing())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
