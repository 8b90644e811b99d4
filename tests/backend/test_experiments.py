"""Stored experiments over HTTP: found, read, described, deleted."""

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import pytest

from backend.settings import Settings
from imaml.client import ApiError, Client
from imaml.store import Evaluation, Experiment, Metric, Store
from tests.services import Serve


@pytest.fixture
def reviewer(serve: Serve, database_url: str) -> Iterator[Client]:
    """Client of a service on the same fresh database as `store`."""
    with serve(Settings(database_url=database_url)) as url, Client(url) as client:
        yield client


def _add(
    store: Store,
    name: str,
    dataset: str = "omniglot",
    tags: tuple[str, ...] = (),
    config: Mapping[str, Any] = MappingProxyType({"lam": 0.1}),
    provenance: Mapping[str, Any] = MappingProxyType({"git_commit": "abc"}),
) -> str:
    experiment = Experiment(
        name=name,
        algorithm="imaml",
        dataset=dataset,
        config={**config},
        provenance={**provenance},
        split={"train": ["a"], "validation": ["b"], "test": ["c"]},
        total_steps=100,
        tags=[*tags],
    )
    with store.transaction() as transaction:
        return transaction.experiments.add(experiment).id


def test_filters_reach_the_store(reviewer: Client, store: Store) -> None:
    one = _add(store, "one", tags=("good",))
    two = _add(store, "two", dataset="glyphs")
    with store.transaction() as transaction:
        transaction.experiments.finish(two, "completed")

    def found(**conditions: str) -> list[str]:
        return [experiment.id for experiment in reviewer.experiments(**conditions)]

    assert found() == [two, one]
    assert found(sort="created") == found(sort="name") == [one, two]
    assert found(status="running") == found(tag="good") == found(q="ON") == found(dataset="omniglot") == [one]
    assert found(status="completed") == found(dataset="glyphs") == [two]
    assert found(algorithm="imaml") == [two, one]
    assert found(algorithm="maml") == []


def test_client_reads_every_page(reviewer: Client, store: Store) -> None:
    for index in range(201):
        _add(store, f"run {index}")
    assert len({experiment.id for experiment in reviewer.experiments()}) == 201
    first = reviewer.experiments_page(limit=200)
    second = reviewer.experiments_page(limit=200, cursor=first.next_cursor)
    assert (len(first.items), len(second.items), second.next_cursor) == (200, 1, None)
    assert first.total == second.total == 201


def test_list_tells_how_well_they_do(reviewer: Client, store: Store) -> None:
    good, unknown = (
        _add(store, name, config={"ways": ways, "shots": 1}) for name, ways in (("good", 5), ("new", 20))
    )
    with store.transaction() as transaction:
        accuracies = [
            Metric("validation_accuracy", step, value) for step, value in ((10, 0.5), (50, 0.9), (100, 0.7))
        ]
        transaction.metrics.write(good, [*accuracies, Metric("validation_ci95", 50, 0.02)])
    best, other = reviewer.experiments_page(sort="-accuracy", sparkline=10).items
    assert (best.id, best.best_accuracy, best.best_accuracy_ci95) == (good, 0.9, 0.02)
    assert best.sparkline == [0.5, 0.9, 0.7]
    assert (other.id, other.best_accuracy, other.sparkline) == (unknown, None, [])
    assert [found.id for found in reviewer.experiments(ways=5, shots=1)] == [good]
    assert reviewer.experiments(ways=5)[0].sparkline is None
    facets = reviewer.experiment_facets()
    assert (facets.algorithms, facets.datasets, facets.ways) == (["imaml"], ["omniglot"], [5, 20])


def test_running_experiment_tells_how_long_it_takes(reviewer: Client, store: Store) -> None:
    experiment = _add(store, "one", provenance={"wall_seconds": 30.0})
    assert reviewer.experiment(experiment).seconds_left is None
    with store.transaction() as transaction:
        transaction.experiments.save_checkpoint(experiment, b"state", 25)
    detail = reviewer.experiment(experiment)
    assert (detail.seconds_left, detail.checkpoint_bytes) == (90.0, 5)
    with store.transaction() as transaction:
        transaction.experiments.finish(experiment, "interrupted")
    assert reviewer.experiment(experiment).seconds_left is None


def test_detail_says_what_was_run(reviewer: Client, store: Store) -> None:
    experiment = reviewer.experiment(_add(store, "one"))
    assert experiment.config == {"lam": 0.1}
    assert experiment.provenance == {"git_commit": "abc"}
    assert experiment.split == {"train": ["a"], "validation": ["b"], "test": ["c"]}
    assert (experiment.status, experiment.step, experiment.total_steps) == ("running", 0, 100)


def test_changes_are_kept_and_the_rest_stays(reviewer: Client, store: Store) -> None:
    before = reviewer.experiment(_add(store, "one", tags=("old",)))
    changed = reviewer.update_experiment(before.id, name="first", notes="good", tags=["new"])
    assert (changed.name, changed.notes, changed.tags) == ("first", "good", ["new"])
    assert changed == reviewer.experiment(before.id)
    assert changed.updated_at > before.updated_at
    kept = reviewer.update_experiment(before.id, archived=True)
    assert (kept.name, kept.notes, kept.tags, kept.archived) == ("first", "good", ["new"], True)
    assert reviewer.experiments() == []
    assert [experiment.id for experiment in reviewer.experiments(archived=True)] == [before.id]
    with pytest.raises(ApiError, match="name") as error:
        reviewer.update_experiment(before.id, name="no/name")
    assert error.value.status == 422


def test_deleted_experiment_is_gone(reviewer: Client, store: Store) -> None:
    experiment_id = _add(store, "one")
    reviewer.delete_experiment(experiment_id)
    for call in (reviewer.experiment, reviewer.delete_experiment, reviewer.metrics, reviewer.evaluations):
        with pytest.raises(ApiError, match="experiment") as error:
            call(experiment_id)
        assert error.value.status == 404


def test_metrics_are_read_by_name_and_thinned(reviewer: Client, store: Store) -> None:
    experiment_id = _add(store, "one")
    values = [Metric("loss", step, 1 / (step + 1)) for step in range(500)]
    values += [Metric("spike", step, float(step == 77)) for step in range(500)]
    values += [Metric("inner", 10, 0.5, inner_step=3), Metric("broken", 0, math.nan)]
    with store.transaction() as transaction:
        transaction.metrics.write(experiment_id, values)

    everything = reviewer.metrics(experiment_id)
    assert everything.keys() == {"loss", "spike", "inner", "broken"}
    assert [point.value for point in everything["loss"]] == [1 / (step + 1) for step in range(500)]
    assert (everything["inner"][0].step, everything["inner"][0].inner_step) == (10, 3)
    assert everything["loss"][0].inner_step is None
    assert everything["broken"][0].value is None
    thin = reviewer.metrics(experiment_id, names=["loss", "spike"], points=20)
    assert thin.keys() == {"loss", "spike"}
    assert len(thin["loss"]) <= 30
    assert any(point.step == 77 for point in thin["spike"])
    part = reviewer.metrics(experiment_id, names=["loss"], first_step=100, last_step=102)["loss"]
    assert [point.step for point in part] == [100, 101, 102]
    path = f"{reviewer.url}/v1/experiments/{experiment_id}/metrics"
    by_commas = httpx.get(path, params={"names": "loss,inner"}).json()["metrics"]
    assert by_commas.keys() == {"loss", "inner"}


def test_evaluations_carry_each_episode_only_when_asked(reviewer: Client, store: Store) -> None:
    experiment_id = _add(store, "one")
    evaluation = Evaluation(
        experiment_id=experiment_id, dataset="omniglot", split="test", ways=5, shots=1, queries=5, episodes=3,
        seed=1, transductive=False, accuracy=0.9, ci95=0.02, accuracy_unadapted=0.8,
        accuracies=[0.9, 0.88, 0.92],
    )  # fmt: skip
    with store.transaction() as transaction:
        transaction.evaluations.add(evaluation)
    [brief] = reviewer.evaluations(experiment_id)
    [full] = reviewer.evaluations(experiment_id, accuracies=True)
    assert brief.accuracies is None
    assert full.accuracies == [0.9, 0.88, 0.92]
    assert (full.accuracy, full.ci95, full.episodes, full.transductive) == (0.9, 0.02, 3, False)
