"""Work that is submitted, looked at, and waited for."""

import httpx
import pytest

from imaml.client import ApiError, ClientError, Job
from tests.client.conftest import Caller, Clock
from tests.client.services import ADAPTATION, Scripted, problem, refusal
from tests.services import Examples

EXAMPLES = {"cat": [b"1"], "dog": [b"2"]}


def job(status: str, **fields: object) -> httpx.Response:
    known = {"id": "j1", "status": status, "adaptation_id": None, "problem": None, "finished_at": None}
    times = {"created_at": "2026-01-01T00:00:00Z", "started_at": None}
    return httpx.Response(202, json={**known, **times, **fields})


@pytest.mark.parametrize(
    ("method", "path"),
    [("submit", "/v1/adaptations"), ("submit_examples", "/v1/adaptations/small/examples")],
)
def test_submitting_asks_not_to_wait(call: Caller, method: str, path: str) -> None:
    service = Scripted(job("queued"))
    submitted = call(service, method, "small", EXAMPLES, max_steps=3)
    assert isinstance(submitted, Job)
    assert (submitted.id, submitted.status) == ("j1", "queued")
    [request] = service.asked
    assert (request.method, request.url.path) == ("POST", path)
    assert request.headers["prefer"] == "respond-async"


def test_an_adaptation_is_extended_by_a_job(call: Caller, api_url: str, examples: Examples) -> None:
    (label, files), *others = examples.items()
    before = call(api_url, "adapt", "small", dict(others), name="three", max_steps=2)
    job = call(api_url, "submit_examples", before.id, {label: files}, name="four")
    assert isinstance(job, Job)
    later = call(api_url, "wait", job.id)
    assert (later.name, later.recipe, set(later.classes)) == ("four", before.recipe, {*examples})
    at_once = call(api_url, "add_examples", before.id, {label: files})
    assert (at_once.name, at_once.solution.trace) == ("three", later.solution.trace)


def test_waiting_ends_with_the_adaptation(call: Caller, clock: Clock) -> None:
    looks = [job("queued"), *[job("running")] * 8, job("succeeded", adaptation_id="a/1")]
    service = Scripted(*looks, httpx.Response(200, json=ADAPTATION))
    assert call(service, "wait", "j1").id == "a1"
    assert {request.url.path for request in service.asked[:-1]} == {"/v1/jobs/j1"}
    assert service.asked[-1].url.raw_path == b"/v1/adaptations/a%2F1"
    assert clock.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2]


def test_a_failed_job_raises_its_problem(call: Caller, clock: Clock) -> None:
    failed = job("failed", problem={**problem(422, "diverged"), "errors": {"inner_lr": "too high"}})
    with pytest.raises(ApiError, match="Diverged") as error:
        call(Scripted(job("running"), failed), "wait", "j1")
    assert (error.value.status, error.value.type) == (422, "/problems/diverged")
    assert error.value.errors == {"inner_lr": "too high"}
    assert error.value.request_id is None


def test_waiting_has_an_end(call: Caller, clock: Clock) -> None:
    with pytest.raises(ClientError, match=r"Job j1 is still running after 5 s"):
        call(Scripted(job("running")), "wait", "j1", timeout=5)
    assert sum(clock.pauses) == pytest.approx(5)


def test_a_busy_service_does_not_end_the_wait(call: Caller, clock: Clock) -> None:
    looks = [job("running"), refusal(503), job("succeeded", adaptation_id="a1")]
    assert call(Scripted(*looks, httpx.Response(200, json=ADAPTATION)), "wait", "j1").id == "a1"


def test_a_job_whose_adaptation_is_gone_is_told(call: Caller, clock: Clock) -> None:
    with pytest.raises(ClientError, match="What job j1 made has been deleted"):
        call(Scripted(job("succeeded")), "wait", "j1")
