"""The way in: transactions on a database, for one tenant."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from imaml.store.engine import READING
from imaml.store.repository.adaptations import Adaptations
from imaml.store.repository.blobs import Blobs
from imaml.store.repository.evaluations import Evaluations
from imaml.store.repository.experiments import Experiments
from imaml.store.repository.metrics import Metrics
from imaml.store.repository.models import Models
from imaml.store.tables import DEFAULT_TENANT


class Transaction:
    """Everything that is stored, as one tenant sees it within one transaction."""

    def __init__(self, session: Session, tenant: str) -> None:
        self.blobs = Blobs(session)
        self.experiments = Experiments(session, tenant, self.blobs)
        self.metrics = Metrics(session, self.experiments)
        self.models = Models(session, tenant, self.experiments, self.blobs)
        self.evaluations = Evaluations(session, tenant, self.experiments, self.models)
        self.adaptations = Adaptations(session, tenant, self.models, self.blobs)


class Store:
    """A tenant's view of a database; it holds no connection, and threads may share it."""

    def __init__(self, engine: Engine, tenant: str = DEFAULT_TENANT) -> None:
        self._engine = engine
        self._tenant = tenant

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """Open a transaction that writes; it is committed at the end, and undone by an exception.

        SQLite lets one at a time do so: keep it short. Raises `DatabaseError`.
        """
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
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
