"""A key opens as long as it is whole, lives and has not been revoked; its text is kept nowhere."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from imaml.store import InvalidValue, NotFound, Store, utc_now
from imaml.store.repository.keys import SCOPES


def test_a_key_is_found_by_its_whole_text_alone(store: Store) -> None:
    with store.transaction() as t:
        assert not t.keys.exist()
        key, secret = t.keys.create("acme", ["predict", "adapt"])
        other, other_secret = t.keys.create("acme", ["review"])
    with store.reading() as t:
        assert t.keys.exist()
        found = t.keys.find(secret)
        assert found is not None
        assert (found.id, found.tenant, found.scopes) == (key.id, "acme", ["adapt", "predict"])
        mixed = f"imaml_{key.id}_{other_secret.removeprefix(f'imaml_{other.id}_')}"
        for wrong in ("", "imaml", secret[:-1], secret + "x", secret.upper(), secret[6:], key.id, mixed):
            assert t.keys.find(wrong) is None


def test_neither_text_nor_secret_is_kept(store: Store, engine: Engine) -> None:
    with store.transaction() as t:
        _, secret = t.keys.create("acme", SCOPES)
    with engine.connect() as connection:
        [row] = connection.execute(text("SELECT * FROM api_keys"))
    assert not any(part in f"{row}" for part in (secret, secret.split("_", 2)[2]))


def test_a_key_ends_by_time_or_by_revocation_and_still_counts(store: Store) -> None:
    now = utc_now()
    with store.transaction() as t:
        _, expired = t.keys.create("acme", SCOPES, now)
        _, lasting = t.keys.create("acme", SCOPES, now + timedelta(hours=1))
        key, revoked = t.keys.create("other", SCOPES)
        assert t.keys.find(revoked)
        first = t.keys.revoke(key.id).revoked_at
        assert t.keys.revoke(key.id).revoked_at == first
        assert (t.keys.find(expired), t.keys.find(revoked)) == (None, None)
        assert t.keys.find(lasting)
        assert [row.tenant for row in t.keys.list()] == ["other", "acme", "acme"]
        assert [row.id for row in t.keys.list("other")] == [key.id]
        with pytest.raises(NotFound, match=key.id):
            t.keys.revoke("nothing")


def test_use_is_recorded_once_a_minute(store: Store) -> None:
    with store.transaction() as t:
        key, _ = t.keys.create("acme", SCOPES)
        assert t.keys.is_use_due(key)
        t.keys.record_use(key.id)
    with store.transaction() as t:
        [used] = t.keys.list()
        assert used.last_used_at is not None
        assert not t.keys.is_use_due(used)
        used.last_used_at -= timedelta(minutes=2)
        assert t.keys.is_use_due(used)


def test_a_key_without_tenant_or_with_other_scopes_is_not_made(store: Store) -> None:
    for tenant, scopes in (("", SCOPES), ("a\nb", SCOPES), ("acme", []), ("acme", ["root"])):
        with pytest.raises(InvalidValue, match=r"tenant|scope"), store.transaction() as t:
            t.keys.create(tenant, scopes)  # type: ignore[arg-type]
