"""Evaluations of experiments and models."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from imaml.store.repository.experiments import Experiments
from imaml.store.repository.models import Models
from imaml.store.tables import Evaluation


class Evaluations:
    """A tenant's evaluations, and those that the owner of a shared experiment or model made of it."""

    def __init__(self, session: Session, tenant: str, experiments: Experiments, models: Models) -> None:
        self._session = session
        self._tenant = tenant
        self._experiments = experiments
        self._models = models

    def add(self, evaluation: Evaluation) -> Evaluation:
        """Store an evaluation; raises `NotFound` for its experiment or model."""
        if evaluation.experiment_id is not None:
            self._experiments.own(evaluation.experiment_id)
        if evaluation.model_id is not None:
            self._models.get(evaluation.model_id)
        evaluation.tenant = self._tenant
        self._session.add(evaluation)
        self._session.flush()
        return evaluation

    def list(self, *, experiment_id: str | None = None, model_id: str | None = None) -> list[Evaluation]:
        """Return the evaluations of an experiment, of a model, or all own ones, newest first.

        Raises `NotFound` for the experiment or model.
        """
        owners, conditions = {self._tenant}, list[ColumnElement[bool]]()
        if experiment_id is not None:
            owners.add(self._experiments.get(experiment_id).tenant)
            conditions.append(Evaluation.experiment_id == experiment_id)
        if model_id is not None:
            owners.add(self._models.get(model_id).tenant)
            conditions.append(Evaluation.model_id == model_id)
        statement = select(Evaluation).where(Evaluation.tenant.in_(owners), *conditions)
        return [*self._session.scalars(statement.order_by(Evaluation.id.desc()))]
