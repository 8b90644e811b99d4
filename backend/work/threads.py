"""Work in threads that background tasks see to its end, so that nothing of theirs is left when they end."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


async def finish(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Wait for a thread to do it; who is cancelled meanwhile waits all the same, and is cancelled then."""
    running = asyncio.ensure_future(run_in_threadpool(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise
