"""Models get versions, are found by every kind of reference, and give back their bundle to the bit."""

import threading

import pytest
from sqlalchemy import Engine, update

from imaml.store import BundleError, CorruptBlob, InvalidValue, NotFound, Store
from imaml.store.tables import Blob
from tests.store.conftest import MakeExperiment


def test_a_model_is_described_as_its_bundle_is(
    store: Store, make_experiment: MakeExperiment, bundle_data: bytes
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment())
        made = t.models.add("starter", bundle_data, experiment_id=run.id)
    with store.reading() as t:
        model = t.models.get(made.id)
        assert t.models.bundle(model) == bundle_data
    assert (model.name, model.version, model.experiment_id, model.shared) == ("starter", 1, run.id, False)
    assert model.description == {"recipe": {"lam": 0.1}, "ways": {"min": 2, "max": 64}}


def test_references(store: Store, bundle_data: bytes) -> None:
    with store.transaction() as t:
        one, two, three = (t.models.add("net", bundle_data) for _ in range(3))
        other = t.models.add("other", bundle_data)
        t.models.set_alias("net:2", "best")
    assert [model.version for model in (one, two, three, other)] == [1, 2, 3, 1]
    expected = {"net": three, "net:1": one, "net:3": three, "net@best": two, "other": other, two.id: two}
    with store.reading() as t:
        for reference, model in expected.items():
            assert t.models.resolve(reference).id == model.id, reference


def test_the_champion_stands_for_the_name_and_an_alias_moves(store: Store, bundle_data: bytes) -> None:
    with store.transaction() as t:
        one, two, _ = (t.models.add("net", bundle_data) for _ in range(3))
        t.models.set_alias(one.id, "champion")
        assert t.models.resolve("net").id == one.id
        t.models.set_alias("net:2", "champion")
        t.models.set_alias("net:2", "best")
    with store.reading() as t:
        assert t.models.resolve("net").id == two.id
        assert t.models.aliases_of([one, two]) == {one.id: [], two.id: ["best", "champion"]}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("foo", 'no model "foo"; stored models: net, other$'),
        ("net:9", 'no model "net:9"; stored models: net:2, net@best, net:1$'),
        ("net@worst", 'no model "net@worst"; stored models: net:2, net@best, net:1$'),
        ("net:", "stored models: net, other$"),
        ("net:1@best", "stored models: net, other$"),
        ("", "stored models: net, other$"),
        ("net:99999999999999999999", "stored models: net, other$"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(
    store: Store, bundle_data: bytes, reference: str, message: str
) -> None:
    with store.transaction() as t:
        for name in ("net", "net", "other"):
            t.models.add(name, bundle_data)
        t.models.set_alias("net", "best")
    with pytest.raises(NotFound, match=message), store.reading() as t:
        t.models.resolve(reference)


def test_the_list_in_the_message_is_bounded(store: Store, bundle_data: bytes) -> None:
    with store.transaction() as t:
        with pytest.raises(NotFound, match="no models are stored"):
            t.models.resolve("foo")
        for number in range(12):
            t.models.add(f"net{number:02}", bundle_data)
        with pytest.raises(NotFound, match=r"net08, net09 and 2 more$"):
            t.models.resolve("foo")


def test_bad_names_aliases_and_bundles_are_refused(store: Store, bundle_data: bytes) -> None:
    with store.transaction() as t:
        with pytest.raises(InvalidValue, match="must not contain :"):
            t.models.add("net:1", bundle_data)
        with pytest.raises(BundleError):
            t.models.add("net", b"no bundle")
        t.models.add("net", bundle_data)
        with pytest.raises(InvalidValue, match="must not contain @"):
            t.models.set_alias("net", "a@b")


def test_models_are_listed_newest_first_by_pages(store: Store, bundle_data: bytes) -> None:
    with store.transaction() as t:
        models = [t.models.add("net", bundle_data) for _ in range(5)]
    with store.reading() as t:
        first = t.models.list(limit=3)
        second = t.models.list(limit=3, cursor=first.next_cursor)
    assert [model.id for model in (*first.items, *second.items)] == [model.id for model in reversed(models)]
    assert second.next_cursor is None


def test_models_are_listed_by_name_and_by_experiment(
    store: Store, bundle_data: bytes, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as t:
        run = t.experiments.add(make_experiment())
        t.models.add("a", bundle_data)
        t.models.add("b", bundle_data, experiment_id=run.id)
        t.models.add("a", bundle_data, experiment_id=run.id)
    with store.reading() as t:
        assert [(model.name, model.version) for model in t.models.list(name="a").items] == [
            ("a", 2),
            ("a", 1),
        ]
        assert [model.name for model in t.models.list(experiment_id=run.id).items] == ["a", "b"]
        assert t.models.list(name="a", experiment_id="nothing").items == []


def test_versions_made_at_once_differ(store: Store, bundle_data: bytes) -> None:
    barrier = threading.Barrier(4)

    def add() -> None:
        barrier.wait()
        with store.transaction() as t:
            t.models.add("net", bundle_data)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as t:
        assert sorted(model.version for model in t.models.list().items) == [1, 2, 3, 4]


def test_a_bundle_damaged_in_the_database_is_not_given_out(
    store: Store, engine: Engine, bundle_data: bytes
) -> None:
    with store.transaction() as t:
        model = t.models.add("net", bundle_data)
    with engine.begin() as connection:
        connection.execute(update(Blob).values(data=bundle_data[:-1] + b"x"))
    with pytest.raises(CorruptBlob, match=model.bundle_sha256), store.reading() as t:
        t.models.bundle(model)
    with store.transaction() as t:
        t.models.add("net", bundle_data)
    with store.reading() as t:
        assert t.models.bundle(model) == bundle_data
