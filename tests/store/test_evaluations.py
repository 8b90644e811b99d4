"""Evaluations keep every episode, and belong to an experiment, a model or both."""

import pytest

from imaml.store import NotFound, Store
from tests.store.conftest import MakeEvaluation, MakeExperiment


def test_evaluations_are_listed_newest_first_for_what_they_are_of(
    store: Store, make_experiment: MakeExperiment, make_evaluation: MakeEvaluation, bundle_data: bytes
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment())
        model = t.models.add("m", bundle_data, experiment_id=run.id)
        of_both = t.evaluations.add(make_evaluation(experiment_id=run.id, model_id=model.id))
        of_model = t.evaluations.add(make_evaluation(model_id=model.id))
        of_run = t.evaluations.add(make_evaluation(experiment_id=run.id))
    with store.reading() as t:
        assert [e.id for e in t.evaluations.list(model_id=model.id)] == [of_model.id, of_both.id]
        assert [e.id for e in t.evaluations.list(experiment_id=run.id)] == [of_run.id, of_both.id]
        found = t.evaluations.list(experiment_id=run.id, model_id=model.id)
    assert [e.id for e in found] == [of_both.id]
    assert (found[0].accuracies, found[0].seed, found[0].transductive) == ([0.9, 0.88, 0.92], 2**40, False)


def test_what_an_evaluation_is_of_must_exist(store: Store, make_evaluation: MakeEvaluation) -> None:
    with store.transaction() as t:
        with pytest.raises(NotFound, match="experiment"):
            t.evaluations.add(make_evaluation(experiment_id="nothing"))
        with pytest.raises(NotFound, match="model"):
            t.evaluations.add(make_evaluation(model_id="nothing"))
