"""Keys that let applications in: the one table that is asked before a tenant is known."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from imaml.store.errors import InvalidValue, NotFound
from imaml.store.tables import ApiKey, Scope
from imaml.store.values import check_text, new_id, utc_now

SCOPES: tuple[Scope, ...] = ("adapt", "predict", "review", "admin")

_PREFIX = "imaml"  # lets people, and programs that look for leaked secrets, tell what it is
_USE_RECORDED_EVERY = timedelta(minutes=1)  # so that reading with a key seldom writes

# Made once, since every request asks one of them.
_BY_ID = select(ApiKey).where(ApiKey.id == bindparam("id"))
_ANY = select(ApiKey.id).limit(1)


class Keys:
    """The keys of all tenants."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self, tenant: str, scopes: Sequence[Scope], expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key; return its row and its text, which is kept nowhere. Raises `InvalidValue`."""
        check_text("tenant", tenant)
        if unknown := sorted({*scopes} - {*SCOPES}):
            raise InvalidValue(f"scope {unknown[0][:50]!r} is none of {', '.join(SCOPES)}")
        if not scopes:
            raise InvalidValue(f"a key needs a scope: one or more of {', '.join(SCOPES)}")
        key_id = new_id()
        text = f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            id=key_id,
            tenant=tenant,
            scopes=[scope for scope in SCOPES if scope in scopes],
            sha256=_sha256(text),
            expires_at=expires_at,
        )
        self._session.add(key)
        self._session.flush()
        return key, text

    def exist(self) -> bool:
        """Say whether any key has ever been made; from then on every call needs one."""
        return self._session.scalar(_ANY) is not None

    def find(self, text: str) -> ApiKey | None:
        """Return the key of that text, or None where it is none, is revoked or has expired."""
        _, _, rest = text.partition("_")
        key = self._session.scalar(_BY_ID, {"id": rest.partition("_")[0]})
        # Compared without regard to where the first difference lies, which the time taken would tell.
        if key is None or not hmac.compare_digest(key.sha256, _sha256(text)):
            return None
        expired = key.expires_at is not None and key.expires_at <= utc_now()
        return None if key.revoked_at or expired else key

    def is_use_due(self, key: ApiKey) -> bool:
        """Say whether the last use on record is so old that this one is worth a write."""
        return key.last_used_at is None or utc_now() - key.last_used_at > _USE_RECORDED_EVERY

    def record_use(self, key_id: str) -> None:
        """Record that the key has been used now."""
        self._session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=utc_now()))

    def list(self, tenant: str | None = None) -> list[ApiKey]:
        """Return all keys, or those of a tenant, newest first."""
        statement = select(ApiKey).order_by(ApiKey.id.desc())
        if tenant is not None:
            statement = statement.where(ApiKey.tenant == tenant)
        return [*self._session.scalars(statement)]

    def revoke(self, key_id: str) -> ApiKey:
        """Let the key open nothing from now on; raises `NotFound`."""
        key = self._session.scalar(_BY_ID, {"id": key_id})
        if key is None:
            raise NotFound("key", key_id, [known.id for known in self.list()])
        key.revoked_at = key.revoked_at or utc_now()
        self._session.flush()
        return key


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
