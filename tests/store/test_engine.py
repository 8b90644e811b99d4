"""Both databases keep the same promises, and one that cannot be used says so in one line."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from imaml.store import DatabaseError, InvalidValue, Store, create_engine, is_current, upgrade
from tests.store.conftest import MakeExperiment


def test_readers_and_writers_do_not_wait_for_each_other(
    store: Store, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as writer:
        writer.experiments.add(make_experiment())
        with store.reading() as reader:
            assert reader.experiments.list().items == []
    with store.reading() as reader:
        assert len(reader.experiments.list().items) == 1
        with store.transaction() as writer:
            writer.experiments.add(make_experiment())
        assert len(reader.experiments.list(q="run").items) >= 1


def test_reading_refuses_to_write_and_leaves_the_connection_fit_for_writing(
    store: Store, make_experiment: MakeExperiment
) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only"), store.reading() as t:
        t.experiments.add(make_experiment())
    with store.transaction() as t:
        t.experiments.add(make_experiment())


def test_an_exception_undoes_the_whole_transaction(store: Store, make_experiment: MakeExperiment) -> None:
    def fail_half_way() -> None:
        with store.transaction() as t:
            t.experiments.add(make_experiment())
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        fail_half_way()
    with store.reading() as t:
        assert t.experiments.list().items == []


def test_writers_that_read_first_take_turns(store: Store, make_experiment: MakeExperiment) -> None:
    """A deferred transaction that had read would find the database "locked" when it comes to write."""
    with store.transaction() as t:
        experiment = t.experiments.add(make_experiment())

    def read_and_write(_worker: int) -> None:
        for _ in range(10):
            with store.transaction() as t:
                config = t.experiments.get(experiment.id).config
                t.experiments.add(make_experiment(config=config))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(read_and_write, range(3)))
    with store.reading() as t:
        assert len(t.experiments.list(limit=100).items) == 31


def test_rows_refer_to_rows_that_exist(engine: Engine) -> None:
    insert = text(
        "INSERT INTO metrics (experiment_id, name, step, inner_step) VALUES ('nobody', 'loss', 1, -1)"
    )
    with pytest.raises(Exception, match=r"(?i)foreign key"), engine.begin() as connection:
        connection.execute(insert)


def test_json_that_no_client_could_read_is_refused_alike(
    store: Store, make_experiment: MakeExperiment
) -> None:
    with pytest.raises(Exception, match="JSON"), store.transaction() as t:
        t.experiments.add(make_experiment(config={"lam": float("nan")}))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_value_that_the_database_cannot_hold_is_named(store: Store) -> None:
    with pytest.raises(InvalidValue, match="NUL"), store.reading() as t:
        t.experiments.list(algorithm="name\0")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_lost_with_a_server_restart_are_replaced(store: Store, database_url: str) -> None:
    with store.reading() as t:
        t.experiments.list()
    other = create_engine(database_url)
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()
    with store.reading() as t:
        assert t.experiments.list().items == []


def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("imaml.store.engine.CONNECT_TIMEOUT_SECONDS", 2)  # the least that the driver takes
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = create_engine(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/imaml")
        with pytest.raises(DatabaseError, match="check that the server runs"):
            is_current(engine)


def test_a_server_that_is_away_is_not_taken_for_an_old_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="check that the server runs"):
        is_current(create_engine(f"postgresql:///imaml?host={tmp_path}"))


def test_waiting_for_one_of_too_few_connections_ends_with_one_clear_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imaml.store.engine.POOL_TIMEOUT_SECONDS", 0.1)
    engine = create_engine(database_url)
    store = Store(engine)
    with ExitStack() as readers:
        reading = (readers.enter_context(store.reading()) for _ in range(100))
        with pytest.raises(DatabaseError, match=r"all \d+ connections .* in use"):
            list(reading)
    with store.reading() as t:
        assert t.experiments.list().items == []
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/x", "use sqlite:///FILE or postgresql"),
        ("sqlite://", "use sqlite:///FILE"),
        ("nonsense", "no database URL"),
        ("sqlite:////nowhere/at/all/imaml.db", "check that its folder exists"),
        ("postgresql://me:secret@127.0.0.1:1/x", "check that the server runs"),
        ("postgresql://me@127.0.0.1:1/x?password=secret", "check that the server runs"),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_clear_line_without_password(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message) as caught:
        is_current(create_engine(url))
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "imaml.db"
    path.write_bytes(b"this is no database" * 100)
    for use in (lambda: upgrade(f"sqlite:///{path}"), lambda: is_current(create_engine(f"sqlite:///{path}"))):
        with pytest.raises(DatabaseError, match=r"imaml\.db: file is not a database; move the file away"):
            use()


def test_a_database_without_tables_asks_for_the_upgrade(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with pytest.raises(DatabaseError, match="imaml db upgrade"), Store(engine).reading() as t:
        t.experiments.list()
    engine.dispose()
