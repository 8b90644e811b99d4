"""Fixtures: a fresh database for each test, once on SQLite and once on PostgreSQL.

PostgreSQL is the server that IMAML_TEST_POSTGRES names (a URL whose user may create databases), or else a
cluster started for this run on a socket of its own, where its binaries are installed.
"""

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from imaml.store import Store, create_engine, upgrade


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of our own, with its data and its socket in a folder."""

    binaries: Path
    folder: Path

    def __post_init__(self) -> None:
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-U", "imaml", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    def url(self, name: str) -> str:
        """URL of the database of that name."""
        return f"postgresql://imaml@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self.folder} "
            "-c fsync=off -c full_page_writes=off"
        )
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """End it at once, as a machine that fails does, if it runs."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-m", "immediate")

    @property
    def _user(self) -> str | None:
        # PostgreSQL refuses to run as root; its package brings a user for it.
        return "postgres" if os.geteuid() == 0 else None

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), "-D", str(self.folder / "data"), *arguments]
        result = subprocess.run(
            command, user=self._user, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh database at the newest migration."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "imaml.db")
        yield f"sqlite:///{tmp_path / 'imaml.db'}"
    else:
        url = request.getfixturevalue("postgresql_url")
        template = request.getfixturevalue("postgresql_template")
        yield from postgresql_database(url, template)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'imaml.db'}"
    else:
        yield from postgresql_database(request.getfixturevalue("postgresql_url"), "template0")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Engine of a fresh database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    """Store of the default tenant on a fresh database."""
    return Store(engine)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "imaml.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_url: Callable[[str], str]) -> Iterator[str]:
    """Name of a migrated PostgreSQL database to copy."""
    for url in postgresql_database(postgresql_url, "template0"):
        upgrade(url)
        yield create_engine(url).url.database or ""


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[Callable[[str], str]]:
    """URL of a database of the PostgreSQL server, by the database's name."""
    if server := os.environ.get("IMAML_TEST_POSTGRES"):
        parsed = create_engine(server).url
        yield lambda name: parsed.set(database=name).render_as_string(hide_password=False)
    else:
        with _new_cluster() as cluster:
            yield cluster.url


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL to stop and start."""
    with _new_cluster() as cluster:
        yield cluster


def postgresql_database(url: Callable[[str], str], template: str) -> Iterator[str]:
    name = f"imaml_{uuid4().hex}"
    _execute(url("postgres"), f"CREATE DATABASE {name} TEMPLATE {template}")
    yield url(name)
    _execute(url("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def _new_cluster() -> Iterator[Cluster]:
    on_path = shutil.which("initdb")
    found = [on_path] if on_path else sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        message = "PostgreSQL is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{message}: in continuous integration these tests must run")
        pytest.skip(message)
    with tempfile.TemporaryDirectory(prefix="imaml-postgresql-") as folder:
        cluster = Cluster(Path(found[-1]).parent, Path(folder))
        try:
            yield cluster
        finally:
            cluster.stop()
