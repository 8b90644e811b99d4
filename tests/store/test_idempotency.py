"""A request with a key is done once, however often and from wherever it is sent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from imaml.store import Adaptation, Claim, IdempotencyConflict, Store, utc_now
from imaml.store.repository.idempotency import KEPT
from imaml.store.tables import IdempotencyRecord
from imaml.store.values import LEASE
from tests.store.conftest import MakeAdaptation

HASH, OTHER_HASH = "a" * 64, "b" * 64


@pytest.fixture
def adaptation(store: Store, model_id: str, make_adaptation: MakeAdaptation) -> Adaptation:
    """Stored adaptation to answer with."""
    with store.transaction() as t:
        return t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi")


def claim(store: Store, request_hash: str = HASH) -> Claim | IdempotencyRecord:
    with store.transaction() as t:
        return t.idempotency.claim("key", request_hash)


def answer(store: Store, adaptation: Adaptation) -> IdempotencyRecord | None:
    with store.transaction() as t:
        if earlier := t.idempotency.answered("key"):
            return earlier
        t.idempotency.answer("key", adaptation_id=adaptation.id)
        return None


def age(store: Store, by: timedelta) -> None:
    """Let that time go by for the record."""
    with store.transaction() as t:
        record = t.idempotency._get("key")
        assert record is not None
        record.created_at -= by
        record.lease_until -= by


def test_the_first_works_and_the_others_learn_its_answer(store: Store, adaptation: Adaptation) -> None:
    assert isinstance(claim(store), Claim)
    pending = claim(store)
    assert isinstance(pending, IdempotencyRecord)
    assert pending.adaptation_id is None
    assert answer(store, adaptation) is None
    for record in (claim(store), answer(store, adaptation)):
        assert isinstance(record, IdempotencyRecord)
        assert record.adaptation_id == adaptation.id


def test_another_request_under_the_key_is_a_conflict(store: Store, adaptation: Adaptation) -> None:
    claim(store)
    for step in (lambda: None, lambda: answer(store, adaptation)):
        step()
        with pytest.raises(IdempotencyConflict, match="'key' belongs to another request"):
            claim(store, OTHER_HASH)


def test_a_job_is_an_answer_too(store: Store) -> None:
    claim(store)
    with store.transaction() as t:
        job = t.jobs.add(b"request")
        t.idempotency.answer("key", job_id=job.id)
    record = claim(store)
    assert isinstance(record, IdempotencyRecord)
    assert record.job_id == job.id


def free(store: Store, request_hash: str = HASH) -> Claim | None:
    """The claim to a key that is free."""
    found = claim(store, request_hash)
    return found if isinstance(found, Claim) else None


def test_a_key_is_free_again_after_failure_silence_or_a_day(store: Store, adaptation: Adaptation) -> None:
    failing = free(store)
    assert failing is not None
    assert free(store) is None
    with store.transaction() as t:
        t.idempotency.release(failing)
    assert free(store) is not None
    age(store, LEASE - timedelta(seconds=5))
    assert free(store) is None
    age(store, LEASE)
    assert free(store) is not None
    answer(store, adaptation)
    age(store, KEPT - timedelta(minutes=1))
    assert free(store) is None
    age(store, timedelta(minutes=1))
    assert free(store, OTHER_HASH) is not None


def test_signs_of_life_keep_a_key(store: Store) -> None:
    working = free(store)
    assert working is not None
    with store.transaction() as t:
        silent = t.idempotency._get("key")
        assert silent is not None
        silent.lease_until -= LEASE
        t.idempotency.renew(working)
    assert free(store) is None


def test_who_was_given_up_lets_go_of_nothing_that_is_his_successor_s(store: Store) -> None:
    slow = free(store)
    assert slow is not None
    age(store, LEASE)
    assert free(store) is not None
    with store.transaction() as t:
        t.idempotency.renew(slow)
        t.idempotency.release(slow)
    assert free(store) is None


def test_an_answer_is_not_let_go_of(store: Store, adaptation: Adaptation) -> None:
    working = free(store)
    assert working is not None
    answer(store, adaptation)
    with store.transaction() as t:
        t.idempotency.release(working)
    assert free(store) is None


def test_what_was_deleted_or_has_expired_is_no_answer(
    store: Store, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    for gone in ("deleted", "expired"):
        assert free(store) is not None
        with store.transaction() as t:
            made = t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi")
            t.idempotency.answer("key", adaptation_id=made.id)
        with store.transaction() as t:
            if gone == "deleted":
                t.adaptations.delete(made.id)
            else:
                t.adaptations.get(made.id).expires_at = utc_now()
    assert free(store) is not None


def test_a_key_is_its_tenant_s_alone(store: Store) -> None:
    claim(store)
    assert free(store.of("somebody else"), OTHER_HASH) is not None


def test_of_those_who_use_a_key_at_once_one_works(store: Store) -> None:
    together = Barrier(4)

    def use(_: int) -> bool:
        together.wait()
        return isinstance(claim(store), Claim)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]
