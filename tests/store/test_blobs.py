"""Equal bytes are stored once, checked when read, and never removed under somebody who just stored them."""

import threading

import pytest
from sqlalchemy import Engine, func, select, text

from imaml.store import NotFound, Store
from imaml.store.tables import Base, Blob
from tests.store.conftest import MakeAdaptation


def test_equal_bytes_are_one(store: Store, engine: Engine) -> None:
    with store.transaction() as t:
        assert t.blobs.put(b"bytes") == t.blobs.put(b"bytes")
        assert t.blobs.get(t.blobs.put(b"")) == b""
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Blob)) == 2


def test_missing_bytes_are_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="blob"), store.reading() as t:
        t.blobs.get("0" * 64)


def test_every_reference_to_a_blob_is_a_foreign_key() -> None:
    """`remove_unreferenced` counts foreign keys: a column without one would lose its bytes."""
    for table in Base.metadata.tables.values():
        for column in table.columns:
            assert not column.name.endswith("_sha256") or column.foreign_keys, column


def test_bytes_stored_again_while_their_last_user_goes_are_kept(
    store: Store, engine: Engine, bundle_data: bytes, make_adaptation: MakeAdaptation
) -> None:
    with store.transaction() as t:
        model_id = t.models.add("net", bundle_data).id
        old = t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi")

    def delete_old() -> None:
        with store.transaction() as t:
            t.adaptations.delete(old.id)

    deleting = threading.Thread(target=delete_old)
    with store.transaction() as t:
        t.blobs.put(b"phi")
        deleting.start()
        wait_until_somebody_waits(engine)
        new = t.adaptations.add(make_adaptation(model_id=model_id), parameters=b"phi")
    deleting.join()
    with store.reading() as t:
        assert t.adaptations.parameters(new.id) == b"phi"
        with pytest.raises(NotFound):
            t.adaptations.get(old.id)


def wait_until_somebody_waits(engine: Engine) -> None:
    """Return when a transaction waits for a lock; on SQLite a second writer waits by itself."""
    if engine.dialect.name != "postgresql":
        return
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(waiting):
            pass
