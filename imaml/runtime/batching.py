"""Calls from many threads, put together for a device that does several at once in the time of one."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class _Call(Generic[Asked, Answer]):
    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.error: Exception | None = None


class Batcher(Generic[Asked, Answer]):
    """While the device is busy with one batch, calls gather for the next; a lone call waits for nobody."""

    def __init__(
        self,
        run: Callable[[Sequence[Asked]], Sequence[Answer]],
        most: int,
        fits: Callable[[Asked, Asked], bool],
    ) -> None:
        """`run` answers up to `most` calls that fit together, in their order."""
        self._run = run
        self._most = most
        self._fits = fits
        self._waiting: list[_Call[Asked, Answer]] = []
        self._arriving = Lock()
        self._device = Lock()

    def __call__(self, asked: Asked) -> Answer:
        """Answer one call; an error is of this call alone."""
        call: _Call[Asked, Answer] = _Call(asked)
        with self._arriving:
            self._waiting.append(call)
        # Whoever has the device next does the work of those who wait for it meanwhile.
        with self._device:
            if call.answer is None and call.error is None:
                self._do(self._take(call))
        if call.answer is None:
            assert call.error is not None
            raise call.error
        return call.answer

    def _take(self, first: _Call[Asked, Answer]) -> list[_Call[Asked, Answer]]:
        """Take a call, and others that fit, off the list."""
        with self._arriving:
            fitting = [call for call in self._waiting if self._fits(call.asked, first.asked)]
            taken = [first, *(call for call in fitting if call is not first)][: self._most]
            self._waiting = [call for call in self._waiting if call not in taken]
        return taken

    def _do(self, calls: list[_Call[Asked, Answer]]) -> None:
        try:
            for call, answer in zip(calls, self._run([call.asked for call in calls]), strict=True):
                call.answer = answer
        except Exception as error:
            if len(calls) == 1:
                calls[0].error = error
                return
            for call in calls:
                self._do([call])
