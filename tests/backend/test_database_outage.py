"""PostgreSQL goes away and comes back: it is said meanwhile, nothing is lost, and nothing has to restart."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import select

from backend.settings import Settings
from backend.work import retention
from imaml.client import Client
from imaml.store import create_engine, upgrade
from imaml.store.repository import jobs
from imaml.store.tables import Adaptation
from tests.databases import Cluster
from tests.services import Examples, Serve, add_model, check_whole, form

CLIENTS = 4
ANSWERED_WITHIN_SECONDS = 10

Outcome = tuple[int, str]
"""The status of an answer, and the type of its problem if it is one."""

DONE: set[Outcome] = {(200, ""), (201, ""), (202, "")}
UNAVAILABLE: Outcome = (503, "/problems/database-unavailable")


class Answer(NamedTuple):
    """How a request was answered, and when it was begun and ended."""

    outcome: Outcome
    begun: float
    ended: float


@pytest.fixture
def cluster_url(cluster: Cluster, model_file: bytes) -> str:
    """URL of a database on the cluster, with the small model."""
    url = cluster.url("postgres")
    upgrade(url)
    add_model(url, model_file)
    return url


def eventually(holds: Callable[[], bool]) -> None:
    end = monotonic() + 60
    while not holds():
        assert monotonic() < end


def stored_ids(url: str) -> set[str]:
    """Ids of all adaptations that are stored, expired or not."""
    engine = create_engine(url)
    with engine.connect() as connection:
        ids = {*connection.scalars(select(Adaptation.id))}
    engine.dispose()
    return ids


def outcome(response: httpx.Response) -> Outcome:
    return response.status_code, "" if response.is_success else response.json()["type"]


class Clients:
    """Those who adapt and predict the whole time, and note how they are answered."""

    def __init__(self, http: httpx.Client, examples: Examples, query: bytes) -> None:
        self.http = http
        self.lesson = form(examples)
        self.query = {"files": [("images", ("query.png", query))]}
        self.made: list[str] = []
        self.answers: list[Answer] = []
        self.over = Event()

    def post(self, path: str, **request: object) -> httpx.Response:
        begun = monotonic()
        response = self.http.post(path, **request)
        self.answers.append(Answer(outcome(response), begun, monotonic()))
        return response

    def adapt(self) -> None:
        response = self.post("/v1/adaptations", **self.lesson)
        if response.is_success:
            self.made.append(response.json()["id"])

    def work(self, _number: int) -> None:
        while not self.over.is_set():
            self.adapt()
            self.post(f"/v1/adaptations/{self.made[-1]}/predictions", **self.query)

    def wait_for_answers(self, since: float) -> None:
        """Wait until that many requests begun since then were answered that all clients had some."""
        eventually(lambda: sum(answer.begun > since for answer in self.answers) >= 3 * CLIENTS)


def test_an_outage_is_told_while_it_lasts_and_forgotten_after_it(
    cluster: Cluster,
    cluster_url: str,
    serve: Serve,
    examples: Examples,
    queries: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "_EVERY_SECONDS", 0.1)
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=1))
    later = {"headers": {"Prefer": "respond-async"}}
    with (
        serve(Settings(database_url=cluster_url)) as url,
        httpx.Client(base_url=url, timeout=ANSWERED_WITHIN_SECONDS) as http,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        clients = Clients(http, examples, queries[0])
        clients.adapt()
        working = pool.map(clients.work, range(CLIENTS))
        try:
            clients.wait_for_answers(since=monotonic())
            submitted = [clients.post("/v1/adaptations", **clients.lesson, **later) for _ in range(CLIENTS)]
            cluster.stop()
            stopped = monotonic()
            assert outcome(http.get("/readyz")) == UNAVAILABLE
            assert http.get("/healthz").status_code == 200
            clients.wait_for_answers(since=stopped)
            returning = monotonic()
            cluster.start()
            returned = monotonic()
            assert http.get("/readyz").status_code == 200
            clients.wait_for_answers(since=returned)
            submitted.append(clients.post("/v1/adaptations", **clients.lesson, **later))
            brief = clients.post("/v1/adaptations", **form(examples, ttl_seconds="1")).json()["id"]
        finally:
            clients.over.set()
        list(working)
        for job in submitted:
            eventually(lambda path=job.headers["location"]: http.get(path).json()["status"] == "succeeded")
        eventually(lambda: brief not in stored_ids(cluster_url))
    answers = clients.answers
    assert {answer.outcome for answer in answers} == {*DONE, UNAVAILABLE}
    absent = [answer for answer in answers if stopped < answer.begun and answer.ended < returning]
    assert {answer.outcome for answer in absent} == {UNAVAILABLE}
    assert UNAVAILABLE not in {answer.outcome for answer in answers if answer.begun > returned}
    check_whole(cluster_url, clients.made)


def test_connections_that_idled_through_an_outage_cost_nobody_an_answer(
    cluster: Cluster, cluster_url: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else the worker finds them broken first.
    monkeypatch.setattr("backend.work.jobs._LOOK_EVERY_SECONDS", 3600)
    with (
        serve(Settings(database_url=cluster_url)) as url,
        httpx.Client(base_url=url, timeout=ANSWERED_WITHIN_SECONDS) as http,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        for _ in range(2):
            statuses = pool.map(lambda _: http.get("/v1/models").status_code, range(10 * CLIENTS))
            assert {*statuses} == {200}
            cluster.stop()
            cluster.start()


def test_a_service_ends_during_an_outage_whatever_it_is_at_work_on(
    cluster: Cluster, cluster_url: str, serve: Serve, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.work.orders.learn", lambda *_: asyncio.sleep(3600))
    with serve(Settings(database_url=cluster_url)) as url, Client(url) as client:
        job = client.submit("small", examples)
        eventually(lambda: client.job(job.id).status == "running")
        cluster.stop()
