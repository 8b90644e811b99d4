"""A lock for threads that are served in the order in which they came."""

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Lock


class Turns:
    """One thread at a time; with a plain lock, whoever lets go and asks again is before all who wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Event] = deque()

    @contextmanager
    def take(self) -> Generator[None]:
        """Wait for everybody who came before; those who come now wait until the end."""
        turn = Event()
        with self._lock:
            self._waiting.append(turn)
            self._waiting[0].set()
        try:
            turn.wait()
            yield
        finally:
            with self._lock:
                self._waiting.remove(turn)
                if self._waiting:
                    self._waiting[0].set()
