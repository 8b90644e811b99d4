"""The database: experiments, metrics, evaluations, models and adaptations, on SQLite and PostgreSQL."""

from imaml.store.bundles import Bundle
from imaml.store.engine import create_engine
from imaml.store.errors import (
    BundleError,
    CorruptBlob,
    DatabaseError,
    IdempotencyConflict,
    InvalidValue,
    NotFound,
    QuotaExceeded,
    StoreError,
)
from imaml.store.repository.idempotency import Claim
from imaml.store.repository.keys import SCOPES
from imaml.store.repository.metrics import Metric, Point
from imaml.store.repository.portable import Page
from imaml.store.schema import current_revision, is_current, upgrade
from imaml.store.store import Store, Transaction
from imaml.store.tables import (
    Adaptation,
    ApiKey,
    Evaluation,
    Experiment,
    IdempotencyRecord,
    Job,
    JobStatus,
    Model,
    Scope,
    State,
    Status,
)
from imaml.store.values import check_name, new_id, utc_now

__all__ = [
    "SCOPES",
    "Adaptation",
    "ApiKey",
    "Bundle",
    "BundleError",
    "Claim",
    "CorruptBlob",
    "DatabaseError",
    "Evaluation",
    "Experiment",
    "IdempotencyConflict",
    "IdempotencyRecord",
    "InvalidValue",
    "Job",
    "JobStatus",
    "Metric",
    "Model",
    "NotFound",
    "Page",
    "Point",
    "QuotaExceeded",
    "Scope",
    "State",
    "Status",
    "Store",
    "StoreError",
    "Transaction",
    "check_name",
    "create_engine",
    "current_revision",
    "is_current",
    "new_id",
    "upgrade",
    "utc_now",
]
