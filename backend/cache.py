"""A bounded memory of what was used last."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by id, the least recently used going first; any number of threads may share it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._entries: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> Value | None:
        """Return the value, or None where it is not held."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: str, value: Value, size: int = 1) -> None:
        """Hold a value of that size, in the unit of the capacity; one larger than all is not held."""
        with self._lock:
            self._discard(key)
            self._entries[key] = (value, size)
            self._size += size
            while self._size > self._capacity:
                self._discard(next(iter(self._entries)))

    def discard(self, key: str) -> None:
        """Let go of the value, if it is held."""
        with self._lock:
            self._discard(key)

    def __len__(self) -> int:
        return len(self._entries)

    def _discard(self, key: str) -> None:
        if key in self._entries:
            self._size -= self._entries.pop(key)[1]
