"""What the service knows about the experiments compared, asked for several at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import streamlit as st

from dashboard.charts.training import Metrics
from dashboard.connection import client
from dashboard.review.comparison.naming import Named, labels
from dashboard.review.comparison.run import Run
from dashboard.review.comparison.settings import settings
from imaml.client import ApiError, Client, Evaluation, ExperimentDetail

POINTS = 300  # of a curve
AT_ONCE = 4  # experiments
KEPT = "compared-metrics"
"""Where a visitor's session keeps the metrics of what is shown and has completed: they never change."""

UNKNOWN = 404

Fetched = tuple[ExperimentDetail, Metrics, list[Evaluation]]


def fetched(ids: Sequence[str]) -> tuple[list[Run], list[ApiError]]:
    """Return the experiments with these ids, and the refusal for each id that is unknown."""
    api = client()
    kept: dict[str, Metrics] = st.session_state.get(KEPT, {})
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(_one, repeat(api), ids, map(kept.get, ids)))
    found = [answer for answer in answers if not isinstance(answer, ApiError)]
    st.session_state[KEPT] = {
        experiment.id: metrics for experiment, metrics, _ in found if experiment.status == "completed"
    }
    return _runs(found), [answer for answer in answers if isinstance(answer, ApiError)]


def _one(api: Client, experiment_id: str, kept: Metrics | None) -> Fetched | ApiError:
    try:
        experiment = api.experiment(experiment_id)
        metrics = api.metrics(experiment_id, points=POINTS) if kept is None else kept
        return experiment, metrics, api.evaluations(experiment_id, accuracies=True)
    except ApiError as error:
        if error.status != UNKNOWN:
            raise
        return error


def _runs(found: Sequence[Fetched]) -> list[Run]:
    asked = [settings(experiment.config) for experiment, _, _ in found]
    names = labels([Named(each.name, own, each.id) for (each, _, _), own in zip(found, asked, strict=True)])
    return [
        Run(label, experiment, own, metrics, evaluations)
        for label, own, (experiment, metrics, evaluations) in zip(names, asked, found, strict=True)
    ]
