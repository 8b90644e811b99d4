"""How often a key may ask, counted over all processes that answer at one address.

By hand, since libraries count in one process or in a server of their own: here the processes, forked from
one, share a page of memory.
"""

import mmap
import time

import numpy as np

_SECONDS = 60
_SLOTS = 2**20  # of 8 bytes, of which those that are used take up memory


class Rates:
    """The generic cell rate algorithm (ITU-T I.371): for each key, the time at which it has caught up.

    A key may send a minute's requests at once; each takes its share of the minute to come back.
    """

    def __init__(self, per_minute: int) -> None:
        self._share = _SECONDS / per_minute
        # Of two processes that count for one key in the same microsecond one may be lost; that does no harm.
        self._caught_up = np.frombuffer(mmap.mmap(-1, 8 * _SLOTS), np.float64)

    def wait(self, key_id: str, now: float | None = None) -> float:
        """Count a request; return 0, or else the seconds after which it may be sent and is counted."""
        now = time.monotonic() if now is None else now
        slot = int(key_id, 16) % _SLOTS  # of the random part of the id: two keys seldom share one
        after = max(float(self._caught_up[slot]), now) + self._share
        if after > now + _SECONDS:
            return after - now - _SECONDS
        self._caught_up[slot] = after
        return 0.0
