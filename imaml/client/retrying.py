"""When a failed call is made again, and how long after."""

import random
import time
from email.utils import parsedate_to_datetime

import httpx

from imaml.client.errors import ApiError

Outcome = httpx.Response | httpx.TransportError
"""What became of a request."""

CUT_OFF = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
"""The request may have arrived."""

_FIRST_PAUSE = 0.25  # seconds
_DOUBLINGS = 7  # to half a minute
_LONGEST_WAIT = 60.0  # a service that asks for more than this is not waited for
_SPREAD, _WIDEST_SPREAD = 0.25, 5.0  # of what a service asks for, and in seconds

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


def pause(outcome: Outcome, attempt: int, repeatable: bool) -> float | None:
    """Return the seconds to wait after attempt 0, 1, … before the next, or None where there should be none.

    A service that was too slow is not asked again: that would multiply the timeout which the caller set.
    """
    if isinstance(outcome, httpx.TransportError):
        again = isinstance(outcome, _NOT_SENT) or (repeatable and isinstance(outcome, CUT_OFF))
        return _backoff(attempt) if again else None
    if not _passes(outcome):
        return None
    asked = _seconds(outcome.headers.get("Retry-After", ""))
    if asked is None:
        return _backoff(attempt)
    return _spread(asked) if asked <= _LONGEST_WAIT else None


def _passes(refusal: httpx.Response) -> bool:
    kind = ApiError.of_response(refusal).type
    # A busy service has done nothing, and so any call may be made again. The first attempt at one that
    # has a key may go on after its connection broke: until it ends, the next attempt is refused.
    busy = refusal.status_code in _BUSY and kind != "/problems/quota-exceeded"
    return busy or kind == "/problems/request-in-progress"


def _backoff(attempt: int) -> float:
    # Of random length, so that clients which failed together do not come back together.
    return random.uniform(0.5, 1) * _FIRST_PAUSE * 2 ** min(attempt, _DOUBLINGS)


def _spread(asked: float) -> float:
    # A little longer, so that clients which were told the same do not come back together.
    return asked + random.random() * min(_SPREAD * asked, _WIDEST_SPREAD)


def _seconds(retry_after: str) -> float | None:
    """Return how long a Retry-After header asks to wait, by number or by date; None where it is neither."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
