"""A call is made again where that may help and can do no harm, and not for ever."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from imaml.client import ApiError, ApiUnreachable
from tests.client.conftest import Caller, Clock
from tests.client.services import ADAPTATION, Scripted, refusal

DONE = httpx.Response(200, json=ADAPTATION)
PNG = b"\x89PNG any bytes"
EXAMPLES = {"cat": [PNG], "dog": [PNG]}

UNSAFE = ("refine_threshold", "a1")
SAFE = {
    "adaptation": ["a1"],
    "set_alias": ["small", "best"],
    "delete_adaptation": ["a1"],
    "adapt": ["small", EXAMPLES],
    "add_examples": ["a1", EXAMPLES],
    "submit": ["small", EXAMPLES],
    "submit_examples": ["a1", EXAMPLES],
    "predict": ["a1", [PNG]],
    "predict_batch": ["a1", b"zip"],
    "preprocess": [PNG],
}


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_even_for_what_is_not_safe_to_repeat(
    call: Caller, clock: Clock, status: int
) -> None:
    service = Scripted(refusal(status), refusal(status), DONE)
    assert call(service, *UNSAFE).id == "a1"
    assert len(service.asked) == 3


def test_pauses_grow_and_are_never_alike(call: Caller, clock: Clock) -> None:
    for _ in range(2):
        with pytest.raises(ApiError):
            call(Scripted(refusal(503)), "limits", settings={"retries": 12})
    assert len(set(clock.pauses)) > 20
    for attempt, pause in enumerate(clock.pauses[:12]):
        longest = min(0.25 * 2**attempt, 32)
        assert longest / 2 <= pause <= longest


@pytest.mark.parametrize("retries", [0, 3])
def test_the_last_refusal_is_raised(call: Caller, clock: Clock, retries: int) -> None:
    service = Scripted(refusal(503, "server-full", X_Request_ID="r1"))
    with pytest.raises(ApiError, match="Server full") as error:
        call(service, "limits", settings={"retries": retries})
    assert (error.value.status, error.value.type) == (503, "/problems/server-full")
    assert error.value.request_id == "r1"
    assert len(service.asked) == 1 + retries
    assert len(clock.pauses) == retries


def test_three_retries_are_the_default(call: Caller, clock: Clock) -> None:
    service = Scripted(refusal(503))
    with pytest.raises(ApiError):
        call(service, "limits")
    assert len(service.asked) == 4


def test_a_used_up_quota_is_told_at_once(call: Caller, clock: Clock) -> None:
    service = Scripted(refusal(429, "quota-exceeded", Retry_After="1"))
    with pytest.raises(ApiError, match="Quota exceeded"):
        call(service, "limits")
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 502, 504])
def test_other_refusals_are_told_at_once(call: Caller, clock: Clock, status: int) -> None:
    service = Scripted(refusal(status))
    with pytest.raises(ApiError):
        call(service, "limits")
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("0", 0, 0),
        ("7", 7, 8.75),
        ("60", 60, 65),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", 0.125, 0.25),
        ("-1", 0.125, 0.25),
        ("", 0.125, 0.25),
    ],
)
def test_the_service_says_how_long_to_wait(
    call: Caller, clock: Clock, retry_after: str, least: float, most: float
) -> None:
    call(Scripted(refusal(503, Retry_After=retry_after), DONE), *UNSAFE)
    assert least <= sum(clock.pauses) <= most


def test_the_service_says_until_when_to_wait(call: Caller, clock: Clock) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    call(Scripted(refusal(503, Retry_After=until), DONE), *UNSAFE)
    assert 1 <= sum(clock.pauses) <= 55


def test_clients_that_were_told_the_same_do_not_come_back_together(call: Caller, clock: Clock) -> None:
    for _ in range(20):
        call(Scripted(refusal(429, Retry_After="4"), DONE), *UNSAFE)
    assert len(set(clock.pauses)) == 20
    assert 4 <= min(clock.pauses) <= max(clock.pauses) <= 5


@pytest.mark.parametrize("retry_after", ["61", "9" * 400, "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_more_than_a_minute_is_not_waited_for(call: Caller, clock: Clock, retry_after: str) -> None:
    service = Scripted(refusal(503, Retry_After=retry_after))
    with pytest.raises(ApiError):
        call(service, "limits")
    assert (len(service.asked), clock.pauses) == (1, [])


def test_a_second_attempt_waits_for_the_first(call: Caller, clock: Clock) -> None:
    busy = refusal(409, "request-in-progress", Retry_After="5")
    assert call(Scripted(httpx.ReadError("reset"), busy, busy, DONE), "adapt", "small", EXAMPLES).id == "a1"
    assert len(clock.pauses) == 3
    assert all(5 <= pause <= 6.25 for pause in clock.pauses[1:])


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("no answer")])
def test_what_was_not_sent_is_sent_again(call: Caller, clock: Clock, error: Exception) -> None:
    service = Scripted(error, error, DONE)
    assert call(service, *UNSAFE).id == "a1"


BREAKS = [httpx.ReadError("reset"), httpx.WriteError("pipe"), httpx.RemoteProtocolError("disconnected")]


@pytest.mark.parametrize("error", BREAKS)
@pytest.mark.parametrize("method", SAFE)
def test_a_safe_call_is_made_again_over_a_new_connection(
    call: Caller, clock: Clock, method: str, error: Exception
) -> None:
    service = Scripted(error, refusal(404))
    with pytest.raises(ApiError):
        call(service, method, *SAFE[method])
    assert len(service.asked) == 2


@pytest.mark.parametrize("error", BREAKS)
@pytest.mark.parametrize(
    ("method", "argument"), [UNSAFE, ("upload_model", b"bundle"), ("update_experiment", "e1")]
)
def test_another_call_may_have_arrived_and_is_not_made_again(
    call: Caller, clock: Clock, method: str, argument: object, error: Exception
) -> None:
    service = Scripted(error, DONE)
    with pytest.raises(ApiUnreachable, match="broke off"):
        call(service, method, argument)
    assert len(service.asked) == 1


def test_a_slow_service_is_not_asked_again(call: Caller, clock: Clock) -> None:
    service = Scripted(httpx.ReadTimeout("slow"))
    with pytest.raises(ApiUnreachable, match="too long"):
        call(service, "limits")
    assert len(service.asked) == 1


@pytest.mark.parametrize("method", ["adapt", "submit", "add_examples", "submit_examples"])
def test_a_retried_upload_is_whole_and_has_the_same_key(call: Caller, clock: Clock, method: str) -> None:
    keys: list[str] = []
    for given in ("mine", None, None):
        service = Scripted(refusal(503), httpx.ReadError("reset"), refusal(404))
        with pytest.raises(ApiError):
            call(service, method, *SAFE[method], idempotency_key=given)
        assert len(service.asked) == 3
        for request in service.asked:
            assert request.content.count(PNG) == 2
            assert len(request.content) == int(request.headers["content-length"])
        [key] = {request.headers["idempotency-key"] for request in service.asked}
        keys.append(key)
    assert keys[0] == "mine"
    assert len(set(keys)) == 3
