"""Adaptations: parameters solved from somebody's examples."""

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, bindparam, delete, func, or_, select
from sqlalchemy.orm import Session

from imaml.store.errors import NotFound, QuotaExceeded
from imaml.store.repository.blobs import Blobs
from imaml.store.repository.models import Models
from imaml.store.repository.portable import Page, lock, read_page
from imaml.store.tables import Adaptation
from imaml.store.values import utc_now


def _present(
    tenant: str | BindParameter[str], now: datetime | BindParameter[datetime]
) -> ColumnElement[bool]:
    lasting = or_(Adaptation.expires_at.is_(None), Adaptation.expires_at > now)
    return (Adaptation.tenant == tenant) & lasting


# Made once, since every prediction asks it: to put it together takes as long as to run it.
_BY_ID = select(Adaptation).where(
    Adaptation.id == bindparam("id"), _present(bindparam("tenant"), bindparam("now"))
)


class Adaptations:
    """A tenant's adaptations; one that has expired is as one that never was."""

    def __init__(self, session: Session, tenant: str, models: Models, blobs: Blobs) -> None:
        self._session = session
        self._tenant = tenant
        self._models = models
        self._blobs = blobs

    def add(
        self,
        adaptation: Adaptation,
        *,
        parameters: bytes,
        examples: bytes | None = None,
        most: int | None = None,
    ) -> Adaptation:
        """Store an adaptation with its parameters and, to look at and extend later, its examples.

        Raises `NotFound` for its model, `QuotaExceeded` where the tenant has `most` already.
        """
        self._models.get(adaptation.model_id)
        if most is not None:
            self.check_quota(most)
        adaptation.tenant = self._tenant
        adaptation.parameters_sha256 = self._blobs.put(parameters)
        adaptation.examples_sha256 = None if examples is None else self._blobs.put(examples)
        self._session.add(adaptation)
        self._session.flush()
        return adaptation

    def check_quota(self, most: int, asked_for: int = 0) -> None:
        """Raise `QuotaExceeded` where stored adaptations and those `asked_for` leave no room for another."""
        lock(self._session, "adaptations", self._tenant)
        stored = select(func.count()).select_from(Adaptation).where(self._present())
        if (self._session.scalar(stored) or 0) + asked_for >= most:
            raise QuotaExceeded(
                f"there are {most} adaptations, which is as many as are kept for you; delete some, "
                "or let new ones expire by ttl_seconds"
            )

    def get(self, adaptation_id: str) -> Adaptation:
        """Return the adaptation, or raise `NotFound`."""
        adaptation = self._find(adaptation_id)
        if adaptation is None:
            raise NotFound("adaptation", adaptation_id)
        return adaptation

    def has(self, adaptation_id: str) -> bool:
        """Say whether there is such an adaptation."""
        return self._find(adaptation_id) is not None

    def list(
        self, *, model_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[Adaptation]:
        """Return the adaptations, of a model or all, newest first."""
        statement = select(Adaptation).where(self._present())
        if model_id is not None:
            statement = statement.where(Adaptation.model_id == model_id)
        return read_page(
            self._session, statement, [Adaptation.id.expression], descending=True, cursor=cursor, limit=limit
        )

    def set_unknown_threshold(self, adaptation_id: str, threshold: float) -> Adaptation:
        """Set what tells unknown queries from known ones, or raise `NotFound`."""
        adaptation = self.get(adaptation_id)
        adaptation.unknown_threshold = threshold
        self._session.flush()
        return adaptation

    def delete(self, adaptation_id: str) -> None:
        """Delete the adaptation with its parameters and examples, or raise `NotFound`."""
        if not self._remove((Adaptation.id == adaptation_id) & self._present()):
            raise NotFound("adaptation", adaptation_id)

    def remove_expired(self, now: datetime) -> int:
        """Delete what has expired at `now`, of every tenant, and return how many there were."""
        return self._remove(Adaptation.expires_at <= now)

    def parameters(self, adaptation_id: str) -> bytes:
        """Return the parameters; raises `NotFound`, `CorruptBlob`."""
        return self._blobs.get(self.get(adaptation_id).parameters_sha256)

    def examples(self, adaptation_id: str) -> bytes | None:
        """Return the examples, or None if they were not stored; raises `NotFound`, `CorruptBlob`."""
        sha256 = self.get(adaptation_id).examples_sha256
        return None if sha256 is None else self._blobs.get(sha256)

    def _find(self, adaptation_id: str) -> Adaptation | None:
        return self._session.scalar(_BY_ID, {"id": adaptation_id, "tenant": self._tenant, "now": utc_now()})

    def _present(self) -> ColumnElement[bool]:
        return _present(self._tenant, utc_now())

    def _remove(self, condition: ColumnElement[bool]) -> int:
        hashes = (Adaptation.parameters_sha256, Adaptation.examples_sha256)
        deleted = self._session.execute(delete(Adaptation).where(condition).returning(*hashes)).all()
        # In one order, so that two who remove the same bytes wait for each other and never crosswise.
        for sha256 in sorted({sha256 for row in deleted for sha256 in row if sha256}):
            self._blobs.remove_unreferenced(sha256)
        return len(deleted)
