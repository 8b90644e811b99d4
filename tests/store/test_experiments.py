"""Experiments are found, changed, resumed, seen dead, and deleted with what is theirs."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Engine, update

from imaml.store import Experiment, InvalidValue, Metric, NotFound, State, Store
from imaml.store.repository.experiments import Facets, Sort
from imaml.store.tables import DEAD_AFTER
from tests.store.conftest import MakeEvaluation, MakeExperiment


def test_an_experiment_comes_back_as_it_was_stored(store: Store, make_experiment: MakeExperiment) -> None:
    config = {"z": [1, 2.5, None], "a": {"name": "Ä\u0000"}}
    with store.transaction() as t:
        made = t.experiments.add(make_experiment(config=config, tags=["first"], notes="so be it"))
    with store.reading() as t:
        found = t.experiments.get(made.id)
    assert (found.name, found.tags, found.notes, found.tenant) == ("run", ["first"], "so be it", "local")
    assert found.config == config
    assert list(found.config) == ["z", "a"]
    assert (found.status, found.step, found.archived, found.error) == ("running", 0, False, None)
    assert found.created_at == made.created_at
    assert found.created_at.tzinfo is UTC


def test_times_need_a_zone_and_are_kept_in_utc(store: Store, make_experiment: MakeExperiment) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    experiment = make_experiment()
    experiment.finished_at = noon
    with store.transaction() as t:
        t.experiments.add(experiment)
    with store.reading() as t:
        assert t.experiments.get(experiment.id).finished_at == noon
    naive = make_experiment()
    naive.finished_at = datetime(2026, 1, 1)
    with pytest.raises(Exception, match="no time zone"), store.transaction() as t:
        t.experiments.add(naive)


@pytest.mark.parametrize("fields", [{"name": "a@b"}, {"tags": ["fine", ""]}])
def test_bad_names_and_tags_are_refused(
    store: Store, make_experiment: MakeExperiment, fields: dict[str, Any]
) -> None:
    with store.transaction() as t:
        experiment = t.experiments.add(make_experiment())
        with pytest.raises(InvalidValue):
            t.experiments.add(make_experiment(**fields))
        with pytest.raises(InvalidValue):
            t.experiments.update(experiment.id, **fields)


def test_update_changes_what_is_given_alone(store: Store, make_experiment: MakeExperiment) -> None:
    with store.transaction() as t:
        made = t.experiments.add(make_experiment(tags=["a"], notes="old"))
        before = made.updated_at
        changed = t.experiments.update(made.id, notes="new", archived=True)
    assert changed.updated_at > before
    with store.reading() as t:
        found = t.experiments.get(made.id)
    assert (found.name, found.tags, found.notes, found.archived) == ("run", ["a"], "new", True)
    with store.transaction() as t:
        t.experiments.update(made.id, name="better", tags=["b"], archived=False)
    with store.reading() as t:
        found = t.experiments.get(made.id)
    assert (found.name, found.tags, found.notes, found.archived) == ("better", ["b"], "new", False)


@pytest.fixture
def catalogue(store: Store, make_experiment: MakeExperiment) -> Store:
    """Five experiments that differ in what can be asked for."""
    with store.transaction() as t:
        t.experiments.add(make_experiment(name="beta", algorithm="maml", tags=["x", "100%"]))
        t.experiments.add(make_experiment(name="Alpha", dataset="glyphs", notes="a promising start"))
        done = t.experiments.add(make_experiment(name="gamma_1", tags=["x"], config={"ways": 20, "shots": 5}))
        t.experiments.finish(done.id, "completed")
        t.metrics.write(done.id, [Metric("validation_accuracy", 1, 0.5)])
        away = t.experiments.add(make_experiment(name="gammas"))
        t.experiments.update(away.id, archived=True)
        t.experiments.add(make_experiment(name="beta"))
    return store


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ({}, ["beta", "gamma_1", "Alpha", "beta"]),
        ({"algorithm": "maml"}, ["beta"]),
        ({"dataset": "glyphs"}, ["Alpha"]),
        ({"status": "completed"}, ["gamma_1"]),
        ({"tag": "x"}, ["gamma_1", "beta"]),
        ({"tag": "100%"}, ["beta"]),
        ({"tag": "1"}, []),
        ({"tag": "x", "algorithm": "imaml"}, ["gamma_1"]),
        ({"q": "GAMMA_"}, ["gamma_1"]),
        ({"q": "promising"}, ["Alpha"]),
        ({"q": "%"}, []),
        ({"ways": 20}, ["gamma_1"]),
        ({"ways": 20, "shots": 1}, []),
        ({"archived": True}, ["gammas"]),
        ({"archived": None, "q": "gamma"}, ["gammas", "gamma_1"]),
        ({"sort": "created"}, ["beta", "Alpha", "gamma_1", "beta"]),
        ({"sort": "name"}, ["Alpha", "beta", "beta", "gamma_1"]),
        ({"sort": "-name"}, ["gamma_1", "beta", "beta", "Alpha"]),
        ({"sort": "-accuracy"}, ["gamma_1", "beta", "Alpha", "beta"]),
    ],
)
def test_conditions_and_order(catalogue: Store, conditions: dict[str, Any], names: list[str]) -> None:
    with catalogue.reading() as t:
        assert [item.name for item in t.experiments.list(**conditions).items] == names
        asked = {name: value for name, value in conditions.items() if name != "sort"}
        assert t.experiments.count(**asked) == len(names)


def test_facets_are_what_can_be_asked_for(catalogue: Store) -> None:
    with catalogue.reading() as t:
        assert t.experiments.facets() == Facets(
            algorithms=["imaml", "maml"],
            datasets=["glyphs", "omniglot"],
            tags=["100%", "x"],
            ways=[20],
            shots=[5],
        )
    with catalogue.of("stranger").reading() as t:
        assert t.experiments.facets() == Facets()


@pytest.mark.parametrize("sort", ["created", "-created", "name", "-name", "accuracy", "-accuracy"])
def test_pages_together_are_the_whole_list(catalogue: Store, sort: Sort) -> None:
    with catalogue.reading() as t:
        whole = [item.id for item in t.experiments.list(sort=sort).items]
        paged, cursor = list[str](), None
        for _ in whole:
            page = t.experiments.list(sort=sort, cursor=cursor, limit=1)
            paged += [item.id for item in page.items]
            cursor = page.next_cursor
    assert paged == whole
    assert cursor is None


@pytest.mark.parametrize("sort", ["created", "name", "accuracy"])
@pytest.mark.parametrize("cursor", ["nonsense", "", "W10", "WzEsMl0", "ä"])
def test_a_cursor_from_elsewhere_is_refused(store: Store, cursor: str, sort: Sort) -> None:
    with pytest.raises(InvalidValue, match="cursor"), store.reading() as t:
        t.experiments.list(cursor=cursor, sort=sort)


def test_a_run_without_heartbeat_is_seen_as_dead(
    store: Store, engine: Engine, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as t:
        alive = t.experiments.add(make_experiment())
        dead = t.experiments.add(make_experiment())
        ended = t.experiments.add(make_experiment())
        t.experiments.finish(ended.id, "failed", "out of memory")
    with engine.begin() as connection:
        old = {"heartbeat_at": datetime.now(UTC) - DEAD_AFTER - timedelta(seconds=1)}
        connection.execute(update(Experiment).where(Experiment.id != alive.id).values(old))
    with store.reading() as t:
        states: dict[str, State] = {item.id: item.state() for item in t.experiments.list().items}
        assert states == {alive.id: "running", dead.id: "dead", ended.id: "failed"}
        for identifier, state in states.items():
            assert [item.id for item in t.experiments.list(status=state).items] == [identifier]
    with store.transaction() as t:
        t.experiments.heartbeat(dead.id, 7)
    with store.reading() as t:
        revived = t.experiments.get(dead.id)
    assert (revived.state(), revived.step) == ("running", 7)
    assert revived.state(revived.heartbeat_at + timedelta(seconds=61)) == "dead"


def test_the_latest_unfinished_run_of_a_name_is_resumed(
    store: Store, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as t:
        assert t.experiments.find_resumable("run") is None
        runs = [t.experiments.add(make_experiment()) for _ in range(3)]
        t.experiments.finish(runs[1].id, "interrupted", "stopped by Ctrl-C")
        t.experiments.finish(runs[2].id, "completed")
        t.experiments.add(make_experiment(name="other"))
    with store.transaction() as t:
        found = t.experiments.find_resumable("run")
        assert found is not None
        assert (found.id, found.error) == (runs[1].id, "stopped by Ctrl-C")
        assert found.finished_at is not None
        resumed = t.experiments.resume(found.id)
        assert (resumed.status, resumed.error, resumed.finished_at) == ("running", None, None)


def test_a_checkpoint_takes_the_place_of_the_one_before(
    store: Store, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment())
        assert t.experiments.load_checkpoint(run.id) is None
        assert t.experiments.checkpoint_bytes(run) is None
        t.experiments.save_checkpoint(run.id, b"first", 10)
        assert t.experiments.checkpoint_bytes(run) == 5
    first = run.checkpoint_sha256
    with store.transaction() as t:
        t.experiments.save_checkpoint(run.id, b"second", 20)
        t.experiments.save_checkpoint(run.id, b"second", 20)
    with store.reading() as t:
        assert t.experiments.load_checkpoint(run.id) == b"second"
        assert t.experiments.get(run.id).step == 20
        with pytest.raises(NotFound):
            t.blobs.get(first or "")


def test_deleting_takes_what_is_its_own_and_leaves_its_models(
    store: Store, make_experiment: MakeExperiment, make_evaluation: MakeEvaluation, bundle_data: bytes
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment())
        t.metrics.write(run.id, [Metric("loss", 1, 0.5)])
        t.experiments.save_checkpoint(run.id, b"checkpoint", 1)
        evaluation = t.evaluations.add(make_evaluation(experiment_id=run.id))
        model = t.models.add("m", bundle_data, experiment_id=run.id)
    checkpoint = run.checkpoint_sha256 or ""
    with store.transaction() as t:
        t.experiments.delete(run.id)
    with store.reading() as t:
        assert t.models.get(model.id).experiment_id is None
        assert t.models.bundle(model) == bundle_data
        assert evaluation.id not in {item.id for item in t.evaluations.list()}
        for absent in (lambda: t.experiments.get(run.id), lambda: t.blobs.get(checkpoint)):
            with pytest.raises(NotFound):
                absent()


def test_what_does_not_exist_is_not_found(store: Store) -> None:
    with store.transaction() as t:
        for use in (
            lambda: t.experiments.get("nothing"),
            lambda: t.experiments.update("nothing", notes=""),
            lambda: t.experiments.delete("nothing"),
            lambda: t.experiments.heartbeat("nothing", 1),
            lambda: t.experiments.resume("nothing"),
            lambda: t.experiments.save_checkpoint("nothing", b"", 1),
            lambda: t.metrics.write("nothing", []),
            lambda: t.metrics.read("nothing"),
            lambda: t.evaluations.list(experiment_id="nothing"),
        ):
            with pytest.raises(NotFound, match='no experiment "nothing"'):
                use()
