"""The tables, as typed classes; a row stays readable after its transaction.

Rows are made with keyword arguments. What the store decides (id, tenant, hashes, times) is no argument.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from imaml.store.values import MAX_NAME_LENGTH, new_id, utc_now

DEFAULT_TENANT = "local"
NO_INNER_STEP = -1
DEAD_AFTER = timedelta(seconds=60)

Status = Literal["running", "completed", "interrupted", "failed"]
State = Literal["running", "completed", "interrupted", "failed", "dead"]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC and returned aware by every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; a naive time is a mistake of the caller."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Restore the time zone that SQLite forgets."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Measurement(TypeDecorator[float]):
    """A float that may be NaN, which SQLite keeps as NULL."""

    impl = Double
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        """Return NULL as NaN."""
        return math.nan if value is None else value


# Ordered by code point on both databases, so that both sort names alike.
Name = String(MAX_NAME_LENGTH).with_variant(String(MAX_NAME_LENGTH, collation="C"), "postgresql")
Identifier = String(32)
Sha256 = String(64)


class Base(MappedAsDataclass, DeclarativeBase, eq=False, repr=False):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON(none_as_null=True),
        dict[str, list[str]]: JSON(none_as_null=True),
        list[str]: JSON(none_as_null=True),
        list[float]: JSON(none_as_null=True),
        str: Text,
        float: Double,
        datetime: UtcDateTime,
        bytes: LargeBinary,
    }


class Blob(Base, kw_only=True):
    """Bytes, by the SHA-256 (hexadecimal) of their content."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[bytes]


class Experiment(Base, kw_only=True):
    """One training run: what was asked, what it ran on, how far it has come."""

    __tablename__ = "experiments"
    __table_args__ = (Index(None, "tenant", "id"), Index(None, "tenant", "name"))

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, init=False, default_factory=new_id)
    tenant: Mapped[str] = mapped_column(Name, init=False)
    shared: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(Name)
    algorithm: Mapped[str]
    dataset: Mapped[str]
    status: Mapped[Status] = mapped_column(String(16), init=False, default="running")
    tags: Mapped[list[str]] = mapped_column(default_factory=list[str])
    notes: Mapped[str] = mapped_column(default="")
    archived: Mapped[bool] = mapped_column(init=False, default=False)
    config: Mapped[dict[str, Any]]
    provenance: Mapped[dict[str, Any]]
    split: Mapped[dict[str, list[str]]]
    step: Mapped[int] = mapped_column(init=False, default=0)
    total_steps: Mapped[int]
    heartbeat_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)
    error: Mapped[str | None] = mapped_column(init=False, default=None)
    checkpoint_sha256: Mapped[str | None] = mapped_column(
        Sha256, ForeignKey(Blob.sha256), index=True, init=False, default=None
    )
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)
    updated_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now, onupdate=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(init=False, default=None)

    def state(self, now: datetime | None = None) -> State:
        """Return the status, or "dead" for a running one whose heartbeat is older than 60 s at `now`."""
        silent = (now or utc_now()) - self.heartbeat_at > DEAD_AFTER
        return "dead" if self.status == "running" and silent else self.status


class MetricValue(Base, kw_only=True):
    """One value of a metric at a meta-step and, for inner-loop curves, at an inner step."""

    __tablename__ = "metrics"

    experiment_id: Mapped[str] = mapped_column(
        Identifier, ForeignKey(Experiment.id, ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True)
    inner_step: Mapped[int] = mapped_column(primary_key=True, default=NO_INNER_STEP)
    value: Mapped[float] = mapped_column(Measurement, nullable=True)


class Model(Base, kw_only=True):
    """One version of a meta-model; its content lies in the bundle and never changes."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("tenant", "name", "version"), Index(None, "tenant", "id"))

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, init=False, default_factory=new_id)
    tenant: Mapped[str] = mapped_column(Name)
    shared: Mapped[bool]
    name: Mapped[str] = mapped_column(Name)
    version: Mapped[int]
    experiment_id: Mapped[str | None] = mapped_column(
        Identifier, ForeignKey(Experiment.id, ondelete="SET NULL"), index=True
    )
    description: Mapped[dict[str, Any]]
    bundle_sha256: Mapped[str] = mapped_column(Sha256, ForeignKey(Blob.sha256), index=True)
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)


class ModelAlias(Base, kw_only=True):
    """A name, such as "champion", for one version of a model that may move to another."""

    __tablename__ = "model_aliases"

    tenant: Mapped[str] = mapped_column(Name, primary_key=True)
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    alias: Mapped[str] = mapped_column(Name, primary_key=True)
    model_id: Mapped[str] = mapped_column(Identifier, ForeignKey(Model.id, ondelete="CASCADE"), index=True)


class Evaluation(Base, kw_only=True):
    """Accuracy over many episodes (fractions), with each episode's, so that two models compare in pairs."""

    __tablename__ = "evaluations"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, init=False, default_factory=new_id)
    tenant: Mapped[str] = mapped_column(Name, init=False)
    experiment_id: Mapped[str | None] = mapped_column(
        Identifier, ForeignKey(Experiment.id, ondelete="CASCADE"), index=True, default=None
    )
    model_id: Mapped[str | None] = mapped_column(
        Identifier, ForeignKey(Model.id, ondelete="CASCADE"), index=True, default=None
    )
    dataset: Mapped[str]
    split: Mapped[str]
    ways: Mapped[int]
    shots: Mapped[int]
    queries: Mapped[int]
    episodes: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    transductive: Mapped[bool]
    accuracy: Mapped[float]
    ci95: Mapped[float]
    accuracy_unadapted: Mapped[float]
    accuracies: Mapped[list[float]]
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)


class Adaptation(Base, kw_only=True):
    """Parameters solved from somebody's support set; immutable, gone when deleted or expired.

    The request that asked for it may have a key, under which the same request is answered with it again.
    """

    __tablename__ = "adaptations"
    __table_args__ = (UniqueConstraint("tenant", "idempotency_key"), Index(None, "tenant", "id"))

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, init=False, default_factory=new_id)
    tenant: Mapped[str] = mapped_column(Name, init=False)
    model_id: Mapped[str] = mapped_column(Identifier, ForeignKey(Model.id), index=True)
    name: Mapped[str | None]
    classes: Mapped[list[str]]
    recipe: Mapped[dict[str, Any]]
    solution: Mapped[dict[str, Any]]
    unknown_threshold: Mapped[float | None]
    warnings: Mapped[list[str]] = mapped_column(default_factory=list[str])
    parameters_sha256: Mapped[str] = mapped_column(Sha256, ForeignKey(Blob.sha256), index=True, init=False)
    examples_sha256: Mapped[str | None] = mapped_column(
        Sha256, ForeignKey(Blob.sha256), index=True, init=False, default=None
    )
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)
    expires_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    idempotency_key: Mapped[str | None] = mapped_column(Name, default=None)
    request_hash: Mapped[str | None] = mapped_column(Sha256, default=None)
