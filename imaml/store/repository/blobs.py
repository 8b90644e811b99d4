"""Bytes by their SHA-256."""

import hashlib

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from imaml.store.errors import CorruptBlob, NotFound
from imaml.store.repository.portable import upsert
from imaml.store.tables import Base, Blob


class Blobs:
    """Content-addressed bytes; equal content is stored once, whoever refers to it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, data: bytes) -> str:
        """Store the bytes and return their SHA-256; storing them again mends a damaged copy."""
        sha256 = hashlib.sha256(data).hexdigest()
        # The update also locks an existing row, so that nobody removes it before it is referred to.
        upsert(self._session, Blob, [{"sha256": sha256, "size": len(data), "data": data}], ["size", "data"])
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes, or raise `NotFound`; `CorruptBlob` if they are not what was stored."""
        data = self._session.scalar(select(Blob.data).where(Blob.sha256 == sha256))
        if data is None:
            raise NotFound("blob", sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise CorruptBlob(sha256)
        return data

    def remove_unreferenced(self, sha256: str | None) -> None:
        """Remove the bytes if no row of any table refers to them; None and missing ones are left alone."""
        self._session.flush()
        # Locked first and counted after: whoever was storing the same bytes has finished then.
        if not self._session.scalar(select(Blob.sha256).where(Blob.sha256 == sha256).with_for_update()):
            return
        keys = (key for table in Base.metadata.tables.values() for key in table.foreign_keys)
        references = [key.parent for key in keys if key.target_fullname == "blobs.sha256"]
        if not any(self._session.scalar(select(exists().where(column == sha256))) for column in references):
            self._session.execute(delete(Blob).where(Blob.sha256 == sha256))
