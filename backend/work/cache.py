"""A bounded memory of what was used last, for the tasks of one event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(eq=False)
class _Entry(Generic[Value]):
    value: asyncio.Future[Value]
    size: int = 0
    users: int = 0


class Cache(Generic[Value]):
    """Immutable values by key, the least recently used going first, but none that is in use.

    What is missing is loaded once, however many ask for it meanwhile.
    """

    def __init__(self, capacity: int, size: Callable[[Value], int] = lambda value: 1) -> None:
        self._capacity = capacity
        self._size_of = size
        self._size = 0
        self._entries: OrderedDict[str, _Entry[Value]] = OrderedDict()

    @asynccontextmanager
    async def use(self, key: str, load: Callable[[], Awaitable[Value]]) -> AsyncGenerator[Value]:
        """Hold the value inside, loaded if need be; who asks first may go away, the others still get it."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._enter(key, asyncio.ensure_future(load()))
        self._entries.move_to_end(key)
        entry.users += 1
        try:
            yield await asyncio.shield(entry.value)
        finally:
            entry.users -= 1
            self._shrink()

    def put(self, key: str, value: Value) -> None:
        """Hold a value for those who will soon ask."""
        self.discard(key)
        future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        future.set_result(value)
        self._settle(key, self._enter(key, future))

    def discard(self, key: str) -> None:
        """Let go of the value, if it is held; those who use it keep it."""
        if entry := self._entries.pop(key, None):
            self._size -= entry.size

    def __len__(self) -> int:
        return len(self._entries)

    def _enter(self, key: str, value: asyncio.Future[Value]) -> _Entry[Value]:
        entry = self._entries[key] = _Entry(value)
        value.add_done_callback(lambda _: self._settle(key, entry))
        return entry

    def _settle(self, key: str, entry: _Entry[Value]) -> None:
        """Count what was loaded, and forget what failed."""
        if self._entries.get(key) is not entry or entry.size:
            return
        if entry.value.cancelled() or entry.value.exception():
            self.discard(key)
            return
        entry.size = self._size_of(entry.value.result())
        self._size += entry.size
        self._shrink()

    def _shrink(self) -> None:
        for key, entry in list(self._entries.items()):
            if self._size <= self._capacity:
                return
            if not entry.users and entry.value.done():
                self.discard(key)
