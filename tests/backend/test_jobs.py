"""What nobody waits for is made all the same: by the same rules, once, and also after a restart."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from backend.settings import Settings
from imaml.client import ApiError, Client
from imaml.store import Store, create_engine, new_id, utc_now
from tests.services import Examples, Serve, add_model, form

LATER = {"Prefer": "wait=5, respond-async; foo=bar"}


def test_a_job_makes_what_is_made_at_once(
    client: Client, http: httpx.Client, examples: Examples, queries: list[bytes]
) -> None:
    in_two_lines = [("Prefer", "wait=5"), ("Prefer", "Respond-Async; foo=bar")]
    accepted = http.post("/v1/adaptations", **form(examples, name="later"), headers=in_two_lines)
    assert (accepted.status_code, accepted.headers["preference-applied"]) == (202, "respond-async")
    job = accepted.json()
    assert accepted.headers["location"] == f"/v1/jobs/{job['id']}"
    assert job["adaptation_id"] is None
    made, at_once = client.wait(job["id"]), client.adapt("small", examples)
    assert (made.name, made.solution.trace) == ("later", at_once.solution.trace)
    assert client.predict(made.id, queries) == client.predict(at_once.id, queries)
    ended = client.job(job["id"])
    assert (ended.status, ended.adaptation_id, ended.problem) == ("succeeded", made.id, None)
    assert ended.started_at is not None
    assert ended.finished_at is not None


def test_the_client_submits_and_extends_later(client: Client, http: httpx.Client, examples: Examples) -> None:
    first, *others = examples.items()
    before = client.wait(client.submit("small", dict(others)).id)
    body = form({first[0]: first[1]})
    job = http.post(
        f"/v1/adaptations/{before.id}/examples",
        files=body["files"],
        headers=LATER,
        data={"labels": body["data"]["labels"]},
    )
    assert job.status_code == 202
    assert set(client.wait(job.json()["id"]).classes) == set(examples)


def test_a_job_that_fails_says_why(client: Client, examples: Examples) -> None:
    one_class = dict(list(examples.items())[:1])
    with pytest.raises(ApiError) as error:
        client.wait(client.submit("small", one_class).id)
    assert (error.value.status, error.value.type) == (422, "/problems/invalid-examples")


def test_what_cannot_be_made_is_refused_at_once(client: Client, examples: Examples) -> None:
    with pytest.raises(ApiError, match="nothing") as error:
        client.submit("nothing", examples)
    assert error.value.status == 404
    with pytest.raises(ApiError) as error:
        client.job(new_id())
    assert (error.value.status, error.value.type) == (404, "/problems/unknown-job")


def test_a_job_that_failed_frees_its_key(client: Client, examples: Examples) -> None:
    key, one_class = new_id(), dict(list(examples.items())[:1])
    failed = client.submit("small", one_class, idempotency_key=key)
    with pytest.raises(ApiError):
        client.wait(failed.id)
    assert client.submit("small", examples, idempotency_key=key).id != failed.id


def test_a_key_stands_for_a_job_or_for_an_answer_at_once(client: Client, examples: Examples) -> None:
    key = new_id()
    client.wait(client.submit("small", examples, idempotency_key=key).id)
    with pytest.raises(ApiError) as error:
        client.adapt("small", examples, idempotency_key=key)
    assert error.value.type == "/problems/idempotency-conflict"


def test_no_more_jobs_wait_than_there_is_room_for(
    serve: Serve, database_url: str, model_file: bytes, examples: Examples
) -> None:
    add_model(database_url, model_file)
    settings = Settings(database_url=database_url, max_jobs=1)
    with serve(settings) as url, Client(url, retries=0) as client:
        slow = client.submit("small", examples, max_steps=1000, tolerance=0)
        with pytest.raises(ApiError) as error:
            client.submit("small", examples)
        assert error.value.type == "/problems/server-full"
        client.wait(slow.id)
        client.wait(client.submit("small", examples).id)


def test_the_same_key_is_the_same_job(client: Client, examples: Examples) -> None:
    key = new_id()
    jobs = {client.submit("small", examples, idempotency_key=key).id for _ in range(2)}
    assert len(jobs) == 1
    client.wait(jobs.pop())


@pytest.fixture
def interrupted(sqlite_template: Path, tmp_path: Path, model_file: bytes, examples: Examples) -> str:
    """URL of a database with a job whose service was killed in the middle of it."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'imaml.db')}"
    add_model(url, model_file)
    body = form(examples, max_steps="1000", deadline_ms="60000")
    program = f"""
import os, signal, backend.work.orders
from backend.processes import run
from backend.settings import Settings
import socket
async def die(*_): os.kill(os.getpid(), signal.SIGKILL)
backend.work.orders.learn = die
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
run(1, Settings(database_url={url!r}), listener)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        job = httpx.post(f"{address}/v1/adaptations", **body, headers=LATER, timeout=60).json()
        assert process.wait(60) == -9
    return f"{url} {job['id']}"


@pytest.fixture
def store_of_interrupted(interrupted: str) -> Iterator[Store]:
    """Its store."""
    engine = create_engine(interrupted.split()[0])
    yield Store(engine)
    engine.dispose()


def test_a_job_survives_the_end_of_its_service(
    serve: Serve, interrupted: str, store_of_interrupted: Store, examples: Examples
) -> None:
    url, job_id = interrupted.split()
    with store_of_interrupted.transaction() as t:
        job = t.jobs.get(job_id)
        assert (job.status, job.attempts) == ("running", 1)
        job.lease_until = utc_now() - timedelta(seconds=1)  # instead of waiting for it
    with serve(Settings(database_url=url)) as address, Client(address) as client:
        assert client.wait(job_id).solution.steps == 1000


def test_a_service_that_stops_puts_its_job_back(
    serve: Serve, store: Store, database_url: str, model_file: bytes, examples: Examples
) -> None:
    add_model(database_url, model_file)
    with serve(Settings(database_url=database_url)) as url, Client(url) as client:
        jobs = [client.submit("small", examples, max_steps=200, tolerance=0.0).id for _ in range(3)]
    with store.reading() as t:
        states = [t.jobs.get(job).status for job in jobs]
    assert "running" not in states
    assert states[-1] == "queued"
    with serve(Settings(database_url=database_url)) as url, Client(url) as client:
        assert len({client.wait(job).id for job in jobs}) == 3
