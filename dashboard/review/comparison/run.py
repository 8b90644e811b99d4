"""One of the experiments compared, with all that is shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.charts.training import Metrics
from dashboard.review.comparison.settings import Settings
from imaml.client import Evaluation, ExperimentDetail


@dataclass(frozen=True)
class Run:
    """An experiment under a label that no other has."""

    label: str
    experiment: ExperimentDetail
    settings: Settings
    metrics: Metrics
    evaluations: Sequence[Evaluation]

    @property
    def id(self) -> str:
        """The experiment's."""
        return self.experiment.id

    @property
    def best(self) -> float | None:
        """The best validation accuracy."""
        return self.experiment.best_accuracy
