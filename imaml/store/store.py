"""The way in: transactions on a database, for one tenant."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from copy import copy
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from imaml.store.engine import READING
from imaml.store.repository.adaptations import Adaptations
from imaml.store.repository.blobs import Blobs
from imaml.store.repository.evaluations import Evaluations
from imaml.store.repository.experiments import Experiments
from imaml.store.repository.idempotency import Idempotency
from imaml.store.repository.jobs import Jobs, Queue
from imaml.store.repository.keys import Keys
from imaml.store.repository.metrics import Metrics
from imaml.store.repository.models import Models
from imaml.store.repository.retention import Retention
from imaml.store.tables import DEFAULT_TENANT
from imaml.store.turns import Turns


class Transaction:
    """Everything that is stored, as one tenant sees it within one transaction.

    `keys`, `queue` and `retention` are for those who look after the tenants, and see all of them.
    """

    def __init__(self, session: Session, tenant: str) -> None:
        self.blobs = Blobs(session)
        self.experiments = Experiments(session, tenant, self.blobs)
        self.metrics = Metrics(session, self.experiments)
        self.models = Models(session, tenant, self.experiments, self.blobs)
        self.evaluations = Evaluations(session, tenant, self.experiments, self.models)
        self.adaptations = Adaptations(session, tenant, self.models, self.blobs)
        self.jobs = Jobs(session, tenant, self.blobs)
        self.queue = Queue(session, self.blobs)
        self.idempotency = Idempotency(session, tenant, self.adaptations)
        self.keys = Keys(session)
        self.retention = Retention(session, self.adaptations)


class Store:
    """A tenant's view of a database; it holds no connection, and threads may share it."""

    def __init__(self, engine: Engine, tenant: str = DEFAULT_TENANT) -> None:
        self._engine = engine
        self._tenant = tenant
        # SQLite lets who waits for its lock ask again now and then, and fortune decide. Threads take their
        # turns here instead, so that it is between processes alone that any has to ask.
        sqlite = engine.dialect.name == "sqlite"
        self._turn: Callable[[], AbstractContextManager[None]] = Turns().take if sqlite else nullcontext

    def of(self, tenant: str) -> Self:
        """Return another tenant's view of the same database."""
        other = copy(self)
        other._tenant = tenant
        return other

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """Open a transaction that writes; it is committed at the end, and undone by an exception.

        SQLite lets one at a time do so: keep it short. Raises `DatabaseError`.
        """
        with self._turn(), Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.connection()
            yield Transaction(session, self._tenant)

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """Open a transaction that reads; it waits for no writer, and no writer waits for it.

        Raises `DatabaseError`, also for an attempt to write.
        """
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options=READING)
            yield Transaction(session, self._tenant)

    def forget_deleted(self) -> None:
        """Remove what was deleted from SQLite's log too, where it stays until the log is written anew.

        Does nothing while somebody reads what is older, and on PostgreSQL, whose vacuum sees to it.
        """
        if self._engine.dialect.name == "sqlite":
            with self._turn(), closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
