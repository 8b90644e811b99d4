"""Adaptations keep their bytes as long as they live, and nothing longer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select

from imaml.store import IdempotencyConflict, NotFound, Store, utc_now
from imaml.store.tables import Blob
from tests.store.conftest import MakeAdaptation


@pytest.fixture
def model_id(store: Store, bundle_data: bytes) -> str:
    """Id of a stored model."""
    with store.transaction() as t:
        return t.models.add("net", bundle_data).id


def count_blobs(engine: Engine) -> int:
    """Count what is stored."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(Blob)) or 0


def test_an_adaptation_comes_back_as_it_was_stored(
    store: Store, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    later = utc_now() + timedelta(hours=1)
    with store.transaction() as t:
        made = t.adaptations.add(
            make_adaptation(model_id=model_id, expires_at=later), parameters=b"phi", examples=b"images"
        )
        bare = t.adaptations.add(
            make_adaptation(model_id=model_id, name=None, unknown_threshold=None), parameters=b"phi"
        )
    with store.reading() as t:
        found = t.adaptations.get(made.id)
        assert t.adaptations.parameters(made.id) == t.adaptations.parameters(bare.id) == b"phi"
        assert (t.adaptations.examples(made.id), t.adaptations.examples(bare.id)) == (b"images", None)
    assert (found.classes, found.recipe, found.warnings) == (made.classes, made.recipe, made.warnings)
    assert (found.solution, found.unknown_threshold, found.expires_at) == (made.solution, 0.3, later)


def test_its_model_must_exist(store: Store, make_adaptation: MakeAdaptation) -> None:
    with pytest.raises(NotFound, match="model"), store.transaction() as t:
        t.adaptations.add(make_adaptation(model_id="nothing"), parameters=b"phi")


def test_deleting_removes_the_bytes_that_nothing_else_needs(
    store: Store, engine: Engine, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    bundles = count_blobs(engine)
    with store.transaction() as t:
        first, second = (
            t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"shared", examples=examples)
            for examples in (b"one", b"shared")
        )
    assert count_blobs(engine) == bundles + 2
    with store.transaction() as t:
        t.adaptations.delete(first.id)
    assert count_blobs(engine) == bundles + 1
    with store.transaction() as t:
        assert t.adaptations.parameters(second.id) == b"shared"
        t.adaptations.delete(second.id)
        with pytest.raises(NotFound):
            t.adaptations.delete(second.id)
    assert count_blobs(engine) == bundles


def test_one_that_has_expired_is_absent_and_swept_away(
    store: Store, engine: Engine, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    now = utc_now()
    with store.transaction() as t:
        lasting = t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"1")
        later = t.adaptations.add(
            make_adaptation(model_id=model_id, expires_at=now + timedelta(hours=1)), parameters=b"2"
        )
        expired = t.adaptations.add(make_adaptation(model_id=model_id, expires_at=now), parameters=b"3")
    stored = count_blobs(engine)
    with store.transaction() as t:
        assert [item.id for item in t.adaptations.list().items] == [later.id, lasting.id]
        for use in (
            t.adaptations.get,
            t.adaptations.parameters,
            t.adaptations.examples,
            t.adaptations.delete,
        ):
            with pytest.raises(NotFound):
                use(expired.id)
    with Store(engine, "somebody else").transaction() as t:
        assert t.adaptations.sweep(now) == 1
    assert count_blobs(engine) == stored - 1
    with store.transaction() as t:
        assert t.adaptations.sweep(now + timedelta(hours=2)) == 1
        assert [item.id for item in t.adaptations.list().items] == [lasting.id]


def test_a_key_used_again_stands_for_the_first_adaptation(
    store: Store, engine: Engine, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    keyed = {"model_id": model_id, "idempotency_key": "key", "request_hash": "a" * 64}
    with store.transaction() as t:
        first = t.adaptations.add(make_adaptation(**keyed), parameters=b"first")
    stored = count_blobs(engine)
    with store.transaction() as t:
        assert t.adaptations.add(make_adaptation(**keyed), parameters=b"second").id == first.id
        assert t.adaptations.answer_to("key", "a" * 64) is not None
        assert t.adaptations.answer_to("other", "a" * 64) is None
        assert [item.id for item in t.adaptations.list().items] == [first.id]
    assert count_blobs(engine) == stored
    other = {**keyed, "request_hash": "b" * 64}
    for use in (
        lambda t: t.adaptations.answer_to("key", "b" * 64),
        lambda t: t.adaptations.add(make_adaptation(**other), parameters=b"second"),
    ):
        with (
            pytest.raises(IdempotencyConflict, match="'key' belongs to another request"),
            store.transaction() as t,
        ):
            use(t)


def test_a_key_is_its_tenant_s_alone_and_ends_with_its_adaptation(
    store: Store, engine: Engine, bundle_data: bytes, make_adaptation: MakeAdaptation
) -> None:
    with store.transaction() as t:
        shared = t.models.add("net", bundle_data, shared=True)
    keyed = {"model_id": shared.id, "idempotency_key": "key", "request_hash": "a" * 64}
    with store.transaction() as t:
        expired = t.adaptations.add(make_adaptation(**keyed, expires_at=utc_now()), parameters=b"1")
        after = t.adaptations.add(make_adaptation(**keyed), parameters=b"2")
        assert after.id != expired.id
    with Store(engine, "somebody else").transaction() as t:
        assert t.adaptations.answer_to("key", "a" * 64) is None
        assert t.adaptations.add(make_adaptation(**keyed), parameters=b"3").id != after.id
    with store.transaction() as t:
        t.adaptations.delete(after.id)
        assert t.adaptations.add(make_adaptation(**keyed), parameters=b"4").id != after.id


def test_of_those_who_use_a_key_at_once_one_is_stored(
    store: Store, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    together = Barrier(3)

    def add(worker: int) -> str:
        adaptation = make_adaptation(model_id=model_id, idempotency_key="key", request_hash="a" * 64)
        together.wait()
        with store.transaction() as t:
            return t.adaptations.add(adaptation, parameters=b"%d" % worker).id

    with ThreadPoolExecutor(3) as pool:
        ids = set(pool.map(add, range(3)))
    with store.reading() as t:
        assert [item.id for item in t.adaptations.list().items] == [*ids]


def test_pages_are_newest_first(store: Store, model_id: str, make_adaptation: MakeAdaptation) -> None:
    with store.transaction() as t:
        made = [t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi") for _ in range(3)]
    with store.reading() as t:
        first = t.adaptations.list(limit=2)
        second = t.adaptations.list(limit=2, cursor=first.next_cursor)
    assert [item.id for item in (*first.items, *second.items)] == [item.id for item in reversed(made)]
