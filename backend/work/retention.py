"""The sweeper: what has expired is invisible at once, and removed for good soon after."""

import asyncio

from backend import logs
from backend.work.threads import finish
from imaml.store import Store, StoreError, utc_now

_EVERY_SECONDS = 60

_log = logs.get_logger()


async def sweep(store: Store) -> None:
    """Remove what has expired, again and again, until cancelled."""
    while True:
        try:
            removed = await finish(_sweep_once, store)
        except StoreError as error:  # it may come back
            _log.warning("retention waits", error=f"{error}")
        else:
            if removed:
                _log.info("expired", adaptations=removed)
        await asyncio.sleep(_EVERY_SECONDS)


def _sweep_once(store: Store) -> int:
    with store.transaction() as transaction:
        removed = transaction.retention.sweep(utc_now())
    store.forget_deleted()
    return removed
