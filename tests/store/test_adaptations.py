"""Adaptations keep their bytes as long as they live, and nothing longer."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from imaml.store import NotFound, QuotaExceeded, Store, utc_now
from tests.store.conftest import MakeAdaptation, count_blobs


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
        assert t.retention.sweep(now) == 1
    assert count_blobs(engine) == stored - 1
    with store.transaction() as t:
        assert t.retention.sweep(now + timedelta(hours=2)) == 1
        assert [item.id for item in t.adaptations.list().items] == [lasting.id]


def test_no_more_than_the_quota_is_stored(
    store: Store, model_id: str, make_adaptation: MakeAdaptation
) -> None:
    def add(most: int, **fields: object) -> None:
        with store.transaction() as t:
            t.adaptations.add(make_adaptation(model_id=model_id, **fields), parameters=b"phi", most=most)

    add(2, expires_at=utc_now())  # does not count any more
    add(2)
    add(2)
    with pytest.raises(QuotaExceeded, match="there are 2 adaptations"):
        add(2)
    with store.of("somebody else").transaction() as t:
        t.adaptations.check_quota(1)
        with pytest.raises(QuotaExceeded):
            t.adaptations.check_quota(1, asked_for=1)


def test_pages_are_newest_first(store: Store, model_id: str, make_adaptation: MakeAdaptation) -> None:
    with store.transaction() as t:
        made = [t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi") for _ in range(3)]
    with store.reading() as t:
        first = t.adaptations.list(limit=2)
        second = t.adaptations.list(limit=2, cursor=first.next_cursor)
    assert [item.id for item in (*first.items, *second.items)] == [item.id for item in reversed(made)]


def test_those_of_a_model_are_listed(
    store: Store, model_id: str, bundle_data: bytes, make_adaptation: MakeAdaptation
) -> None:
    with store.transaction() as t:
        other = t.models.add("other", bundle_data).id
        made = t.adaptations.add(make_adaptation(model_id=other), parameters=b"p")
        t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"p")
    with store.reading() as t:
        assert [item.id for item in t.adaptations.list(model_id=other).items] == [made.id]
        assert len(t.adaptations.list().items) == 2
