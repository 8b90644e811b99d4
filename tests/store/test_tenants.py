"""A tenant sees its own rows and what is shared; of all else there is no trace."""

from typing import Any

import pytest
from sqlalchemy import Engine

from imaml.store import InvalidValue, Metric, NotFound, Store
from tests.store.conftest import MakeAdaptation, MakeEvaluation, MakeExperiment


@pytest.fixture
def stranger(engine: Engine) -> Store:
    """Another tenant on the same database."""
    return Store(engine, "stranger")


def test_what_is_private_does_not_exist_for_others(
    store: Store,
    stranger: Store,
    bundle_data: bytes,
    make_experiment: MakeExperiment,
    make_evaluation: MakeEvaluation,
    make_adaptation: MakeAdaptation,
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment())
        t.metrics.write(run.id, [Metric("loss", 1, 0.5)])
        t.experiments.save_checkpoint(run.id, b"checkpoint", 1)
        model = t.models.add("net", bundle_data)
        t.models.set_alias("net", "champion")
        t.evaluations.add(make_evaluation(experiment_id=run.id))
        adaptation = t.adaptations.add(make_adaptation(model_id=model.id), parameters=b"phi", examples=b"x")
    with stranger.transaction() as t:
        for items in (t.experiments.list().items, t.models.list().items, t.adaptations.list().items):
            assert items == []
        assert t.evaluations.list() == []
        assert t.experiments.find_resumable("run") is None
        uses: list[Any] = [
            lambda: t.experiments.get(run.id),
            lambda: t.experiments.update(run.id, notes="mine"),
            lambda: t.experiments.delete(run.id),
            lambda: t.experiments.heartbeat(run.id, 5),
            lambda: t.experiments.finish(run.id, "failed"),
            lambda: t.experiments.load_checkpoint(run.id),
            lambda: t.experiments.save_checkpoint(run.id, b"", 1),
            lambda: t.metrics.read(run.id),
            lambda: t.metrics.write(run.id, []),
            lambda: t.metrics.truncate_after(run.id, 0),
            lambda: t.evaluations.list(experiment_id=run.id),
            lambda: t.evaluations.list(model_id=model.id),
            lambda: t.evaluations.add(make_evaluation(experiment_id=run.id)),
            lambda: t.models.get(model.id),
            lambda: t.models.add("net", bundle_data, experiment_id=run.id),
            *(lambda r=r: t.models.resolve(r) for r in ("net", "net:1", "net@champion", model.id)),
            lambda: t.models.set_alias(model.id, "mine"),
            lambda: t.adaptations.add(make_adaptation(model_id=model.id), parameters=b"phi"),
            lambda: t.adaptations.get(adaptation.id),
            lambda: t.adaptations.parameters(adaptation.id),
            lambda: t.adaptations.examples(adaptation.id),
            lambda: t.adaptations.delete(adaptation.id),
        ]
        for use in uses:
            with pytest.raises(NotFound) as caught:
                use()
            assert "stored models: net" not in str(caught.value)


def test_what_is_shared_is_read_by_others_and_changed_by_its_owner(
    store: Store,
    stranger: Store,
    bundle_data: bytes,
    make_experiment: MakeExperiment,
    make_evaluation: MakeEvaluation,
    make_adaptation: MakeAdaptation,
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment(shared=True))
        t.metrics.write(run.id, [Metric("loss", 1, 0.5)])
        model = t.models.add("net", bundle_data, experiment_id=run.id, shared=True)
        t.models.add("net", bundle_data)
        t.models.set_alias("net:1", "champion")
        evaluation = t.evaluations.add(make_evaluation(experiment_id=run.id, model_id=model.id))
    with stranger.transaction() as t:
        assert t.metrics.read(run.id).keys() == {"loss"}
        assert t.models.resolve("net").id == model.id
        assert t.models.resolve("net@champion").id == model.id
        with pytest.raises(NotFound, match=r"stored models: net:1, net@champion$"):
            t.models.resolve("net:2")
        own = t.evaluations.add(make_evaluation(model_id=model.id))
        assert [e.id for e in t.evaluations.list(model_id=model.id)] == [own.id, evaluation.id]
        t.adaptations.add(make_adaptation(model_id=model.id), parameters=b"phi")
        for use in (
            lambda: t.experiments.update(run.id, notes="mine"),
            lambda: t.experiments.delete(run.id),
            lambda: t.metrics.write(run.id, []),
        ):
            with pytest.raises(NotFound):
                use()
        with pytest.raises(InvalidValue, match="net:1 is shared with you"):
            t.models.set_alias("net", "mine")
    with store.reading() as t:
        assert [e.id for e in t.evaluations.list(model_id=model.id)] == [evaluation.id]
        assert t.adaptations.list().items == []


def test_an_own_name_comes_before_the_same_name_shared_by_others(
    store: Store, stranger: Store, bundle_data: bytes
) -> None:
    with store.transaction() as t:
        t.models.add("net", bundle_data, shared=True)
        shared = t.models.add("net", bundle_data, shared=True)
    with stranger.transaction() as t:
        assert t.models.resolve("net").id == shared.id
        own = t.models.add("net", bundle_data)
        assert own.version == 1
        assert t.models.resolve("net").id == own.id
        assert t.models.resolve(shared.id).id == shared.id
