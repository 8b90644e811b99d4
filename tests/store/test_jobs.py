"""A job is worked on by one at a time, comes back when its worker dies, and ends once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine

from imaml.store import Adaptation, Job, NotFound, Store, utc_now
from imaml.store.repository.jobs import MAX_ATTEMPTS
from imaml.store.values import LEASE
from tests.store.conftest import MakeAdaptation, count_blobs


def add(store: Store, request: bytes = b"request") -> Job:
    with store.transaction() as t:
        return t.jobs.add(request)


def claim(store: Store) -> Job | None:
    with store.transaction() as t:
        return t.queue.claim()


def get(store: Store, job: Job) -> Job:
    with store.reading() as t:
        return t.jobs.get(job.id)


def silence(store: Store, job: Job) -> None:
    """Let the worker's lease run out."""
    with store.transaction() as t:
        t.jobs.get(job.id).lease_until = utc_now() - timedelta(seconds=1)


def test_jobs_of_all_tenants_are_taken_in_their_order_and_each_once(store: Store) -> None:
    first, second = add(store), add(store.of("somebody else"), b"other")
    taken = [claim(store), claim(store)]
    assert [job and (job.id, job.tenant, job.status) for job in taken] == [
        (first.id, "local", "running"),
        (second.id, "somebody else", "running"),
    ]
    assert claim(store) is None
    with store.reading() as t:
        assert (t.queue.request(first), t.queue.request(second)) == (b"request", b"other")


def test_a_job_ends_once_and_keeps_no_request(
    store: Store, engine: Engine, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    def adaptation(t: object) -> Adaptation:
        return t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi")  # type: ignore[attr-defined]

    before = count_blobs(engine)
    succeeding, failing = add(store, b"one"), add(store, b"two")
    assert count_blobs(engine) == before + 2
    first, second = claim(store), claim(store)
    assert first is not None
    assert second is not None
    with store.transaction() as t:
        made = adaptation(t)
        for job in (first, second):
            assert t.queue.hold(job)
        t.queue.finish(first, adaptation_id=made.id)
        t.queue.finish(second, problem={"detail": "why"})
        assert not t.queue.hold(first)
    ended = get(store, succeeding)
    assert (ended.status, ended.adaptation_id, ended.problem) == ("succeeded", made.id, None)
    assert (get(store, failing).status, get(store, failing).problem) == ("failed", {"detail": "why"})
    assert count_blobs(engine) == before + 1  # the adaptation's parameters
    assert claim(store) is None
    with store.transaction() as t:
        t.adaptations.delete(made.id)
    assert (get(store, succeeding).status, get(store, succeeding).adaptation_id) == ("succeeded", None)


def test_a_job_that_lost_its_worker_comes_back_but_not_for_ever(store: Store) -> None:
    job = add(store)
    for _ in range(MAX_ATTEMPTS):
        taken = claim(store)
        assert taken is not None
        assert claim(store) is None
        with store.transaction() as t:
            t.queue.renew(taken)
        lease = get(store, job).lease_until
        assert lease is not None
        assert lease > utc_now() + LEASE / 2
        silence(store, job)
    assert claim(store) is None
    failed = get(store, job)
    assert failed.problem is not None
    assert (failed.status, failed.problem["type"]) == ("failed", "/problems/interrupted")


def test_a_job_that_was_put_back_has_lost_nothing(store: Store) -> None:
    job = add(store)
    for _ in range(MAX_ATTEMPTS + 1):
        taken = claim(store)
        assert taken is not None
        with store.transaction() as t:
            t.queue.put_back(taken)
    assert get(store, job).status == "queued"


def test_a_worker_that_was_given_up_ends_nothing_of_its_successor(store: Store) -> None:
    job = add(store)
    slow = claim(store)
    assert slow is not None
    silence(store, job)
    successor = claim(store)
    assert successor is not None
    with store.transaction() as t:
        lease = t.jobs.get(job.id).lease_until
        assert not t.queue.hold(slow)
        t.queue.put_back(slow)
        t.queue.renew(slow)
        assert (t.jobs.get(job.id).status, t.jobs.get(job.id).lease_until) == ("running", lease)
        assert t.queue.hold(successor)


def test_tenants_take_turns(store: Store) -> None:
    eager = [add(store).id for _ in range(3)]
    late = [add(store.of(tenant)).id for tenant in ("second", "third")]
    taken = [job.id for _ in range(5) if (job := claim(store))]
    assert taken == [eager[0], *late, *eager[1:]]


def test_a_job_is_shown_to_its_tenant_alone(store: Store) -> None:
    job = add(store)
    with store.of("somebody else").reading() as t:
        assert t.jobs.count_unfinished() == 0
        with pytest.raises(NotFound, match="no job"):
            t.jobs.get(job.id)
    with store.reading() as t:
        assert t.jobs.count_unfinished() == 1


def test_of_those_who_look_for_work_at_once_one_gets_it(store: Store) -> None:
    add(store)
    together = Barrier(4)

    def look(_: int) -> bool:
        together.wait()
        return claim(store) is not None

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(look, range(4))) == [False, False, False, True]


def test_what_has_ended_is_swept_away_after_a_day(store: Store) -> None:
    ended, waiting = add(store), add(store)
    with store.transaction() as t:
        t.queue.finish(ended, problem={})
        t.retention.sweep(utc_now() + timedelta(hours=23))
        assert t.jobs.get(ended.id).finished_at is not None
        t.retention.sweep(utc_now() + timedelta(hours=25))
    assert get(store, waiting).status == "queued"
    with pytest.raises(NotFound):
        get(store, ended)
