"""The tables, as typed classes; a row stays readable after its transaction.

Rows are made with keyword arguments. What the store decides (id, tenant, hashes, times) is no argument.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from imaml.store.columns import Base, Identifier, Measurement, Name, Sha256
from imaml.store.values import new_id, utc_now

DEFAULT_TENANT = "local"
NO_INNER_STEP = -1
DEAD_AFTER = timedelta(seconds=60)

Status = Literal["running", "completed", "interrupted", "failed"]
State = Literal["running", "completed", "interrupted", "failed", "dead"]
JobStatus = Literal["queued", "running", "succeeded", "failed"]
Scope = Literal["adapt", "predict", "review", "admin"]


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
    best_accuracy: Mapped[float | None] = mapped_column(init=False, default=None)
    """The highest validation accuracy so far, kept with the metrics that it is read from."""
    best_accuracy_ci95: Mapped[float | None] = mapped_column(init=False, default=None)

    def state(self, now: datetime | None = None) -> State:
        """Return the status, or "dead" for a running one whose heartbeat is older than 60 s at `now`."""
        silent = (now or utc_now()) - self.heartbeat_at > DEAD_AFTER
        return "dead" if self.status == "running" and silent else self.status

    def seconds_left(self) -> float | None:
        """Return how long a running one still takes at its pace so far, or None where nobody knows."""
        seconds = self.provenance.get("wall_seconds")
        if self.state() != "running" or not self.step or not seconds:
            return None
        return seconds / self.step * (self.total_steps - self.step)


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
    """Parameters solved from somebody's support set; immutable, gone when deleted or expired."""

    __tablename__ = "adaptations"
    __table_args__ = (Index(None, "tenant", "id"),)

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
    created_by: Mapped[str | None] = mapped_column(Identifier, init=False, default=None)
    """Id of the API key; None where the service had none."""
    expires_at: Mapped[datetime | None] = mapped_column(default=None, index=True)


class Job(Base, kw_only=True):
    """An adaptation that is asked for and not waited for; `lease_until` tells whether its worker lives."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "tenant", "id"), Index(None, "status", "id"))

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, init=False, default_factory=new_id)
    tenant: Mapped[str] = mapped_column(Name, init=False)
    status: Mapped[JobStatus] = mapped_column(String(16), init=False, default="queued")
    extends: Mapped[str | None] = mapped_column(Identifier)
    created_by: Mapped[str | None] = mapped_column(Identifier)
    request_sha256: Mapped[str | None] = mapped_column(
        Sha256, ForeignKey(Blob.sha256), index=True, init=False, default=None
    )
    adaptation_id: Mapped[str | None] = mapped_column(
        Identifier, ForeignKey(Adaptation.id, ondelete="SET NULL"), index=True, init=False, default=None
    )
    problem: Mapped[dict[str, Any] | None] = mapped_column(init=False, default=None)
    attempts: Mapped[int] = mapped_column(init=False, default=0)
    lease_until: Mapped[datetime | None] = mapped_column(init=False, default=None)
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)
    started_at: Mapped[datetime | None] = mapped_column(init=False, default=None)
    finished_at: Mapped[datetime | None] = mapped_column(init=False, default=None)


class IdempotencyRecord(Base, kw_only=True):
    """What a request with a key was answered with, or that it is being worked on until `lease_until`."""

    __tablename__ = "idempotency_records"

    tenant: Mapped[str] = mapped_column(Name, primary_key=True)
    key: Mapped[str] = mapped_column(Name, primary_key=True)
    request_hash: Mapped[str] = mapped_column(Sha256)
    lease_until: Mapped[datetime]
    adaptation_id: Mapped[str | None] = mapped_column(
        Identifier, ForeignKey(Adaptation.id, ondelete="CASCADE"), index=True, init=False, default=None
    )
    job_id: Mapped[str | None] = mapped_column(
        Identifier, ForeignKey(Job.id, ondelete="CASCADE"), index=True, init=False, default=None
    )
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now, index=True)


class ApiKey(Base, kw_only=True):
    """A key that lets a tenant's application in; its SHA-256 alone is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    tenant: Mapped[str] = mapped_column(Name)
    scopes: Mapped[list[str]]
    sha256: Mapped[str] = mapped_column(Sha256)
    created_at: Mapped[datetime] = mapped_column(init=False, default_factory=utc_now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None] = mapped_column(init=False, default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(init=False, default=None)
