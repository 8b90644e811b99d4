"""Migrations bring any database to exactly the tables that the code expects."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

from imaml.store import DatabaseError, Metric, Store, create_engine, current_revision, is_current, upgrade
from imaml.store.schema import migrations_config
from tests.store.conftest import MakeExperiment

REMAKE_EXPERIMENTS = """
from alembic import op
revision, down_revision = "9999_test", "0003"
def upgrade():
    with op.batch_alter_table("experiments", recreate="auto") as batch:
        batch.alter_column("notes", nullable=True)
"""


def test_the_migrations_make_what_the_tables_declare(database_url: str) -> None:
    command.check(migrations_config(database_url))


def test_upgrade_and_downgrade_there_and_back(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    assert (current_revision(engine), is_current(engine)) == (None, False)
    for _ in range(2):
        upgrade(empty_database_url)
        assert is_current(engine)
        command.downgrade(migrations_config(empty_database_url), "base")
        assert not is_current(engine)
        assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_second_upgrade_keeps_what_is_stored(
    store: Store, database_url: str, make_experiment: MakeExperiment
) -> None:
    with store.transaction() as t:
        experiment = t.experiments.add(make_experiment())
    upgrade(database_url)
    with store.reading() as t:
        assert t.experiments.get(experiment.id).name == "run"


def test_a_migration_that_remakes_a_table_keeps_the_rows_that_refer_to_it(
    store: Store, database_url: str, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    with store.transaction() as t:
        experiment = t.experiments.add(make_experiment())
        t.metrics.write(experiment.id, [Metric("loss", 1, 0.5)])
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "9999_test.py").write_text(REMAKE_EXPERIMENTS)
    config = migrations_config(database_url)
    script_location = Path(config.get_main_option("script_location") or "")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{script_location / 'versions'}\n{versions}")
    command.upgrade(config, "head")
    with store.reading() as t:
        assert len(t.metrics.read(experiment.id)["loss"]) == 1


def test_processes_that_upgrade_at_once_wait_for_each_other(empty_database_url: str) -> None:
    code = f"from imaml.store import upgrade; upgrade({empty_database_url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/new/folder/imaml.db")
    assert (tmp_path / "new/folder/imaml.db").is_file()


def mode(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/imaml.db"
    upgrade(url)
    engine = create_engine(url)
    with engine.connect():
        files = {path.name: mode(path) for path in (tmp_path / "new").iterdir()}
    engine.dispose()
    assert mode(tmp_path / "new") == "drwx------"
    assert files == dict.fromkeys(["imaml.db", "imaml.db-wal", "imaml.db-shm"], "-rw-------")


def test_a_file_that_was_looked_for_and_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert not is_current(create_engine(f"sqlite:///{tmp_path}/imaml.db"))
    assert mode(tmp_path / "imaml.db") == "-rw-------"


def test_a_file_and_a_folder_that_are_there_stay_as_open_as_they_are(tmp_path: Path) -> None:
    folder, file = tmp_path / "shared", tmp_path / "shared/imaml.db"
    folder.mkdir()
    file.touch()
    folder.chmod(0o770)
    file.chmod(0o660)
    upgrade(f"sqlite:///{file}")
    assert (mode(folder), mode(file)) == ("drwxrwx---", "-rw-rw----")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="set IMAML_HOME"):
        upgrade(f"sqlite:///{tmp_path}/file/imaml.db")


def test_a_database_from_a_newer_version_is_left_alone(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="a newer imaml made it"):
        upgrade(database_url)
    assert current_revision(engine) == "9999"
    engine.dispose()
