"""The service over real HTTP, on both databases, with a small model and drawings to teach it."""

import io
import shutil
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest
import uvicorn
from PIL import Image

from backend.app import create_app
from backend.settings import Settings
from backend.work import stored
from imaml.client import Client
from imaml.store import Store, create_engine
from imaml.tasks import glyphs
from tests.databases import postgresql_database

Serve = Callable[..., AbstractContextManager[str]]

Examples = dict[str, list[bytes]]
"""Image files by label."""


@contextmanager
def _serve(settings: Settings, port: int = 0) -> Iterator[str]:
    # Connections wait in the listener's queue until the service takes them: nothing here has to wait.
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Runs a service with these settings, on any free port or a given one, and gives its address."""
    return _serve


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_file: bytes
) -> Iterator[str]:
    """URL of a database with a model that many tests use, each looking at what it made itself."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shared") / "imaml.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        urls = iter([f"sqlite:///{path}"])
    else:
        server, template = (
            request.getfixturevalue(name) for name in ("postgresql_url", "postgresql_template")
        )
        urls = postgresql_database(server, template)
    for url in urls:
        add_model(url, model_file)
        yield url


@pytest.fixture(scope="session")
def api_url(shared_database_url: str) -> Iterator[str]:
    """Address of a running service."""
    with _serve(Settings(database_url=shared_database_url)) as address:
        yield address


@pytest.fixture
def http(api_url: str) -> Iterator[httpx.Client]:
    """Plain HTTP to the service."""
    with httpx.Client(base_url=api_url, timeout=60) as http:
        yield http


@pytest.fixture
def client(api_url: str) -> Iterator[Client]:
    """The service's own client."""
    with Client(api_url) as client:
        yield client


@pytest.fixture
def shared_store(shared_database_url: str) -> Iterator[Store]:
    """The running service's store."""
    engine = create_engine(shared_database_url)
    yield Store(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def drawings() -> Examples:
    """Five drawings of each of four characters."""
    rendered = glyphs.render(4, 5, seed=7)
    return {f"character {c}": [_png(hand) for hand in hands] for c, hands in enumerate(rendered)}


@pytest.fixture(scope="session")
def examples(drawings: Examples) -> Examples:
    """Three drawings of each character, to learn from."""
    return {label: files[:3] for label, files in drawings.items()}


@pytest.fixture(scope="session")
def queries(drawings: Examples) -> list[bytes]:
    """The other drawings."""
    return [file for files in drawings.values() for file in files[3:]]


def add_model(url: str, model_file: bytes, name: str = "small", *, shared: bool = False) -> None:
    engine = create_engine(url)
    with Store(engine).transaction() as transaction:
        transaction.models.add(name, model_file, shared=shared)
    engine.dispose()


def check_whole(url: str, answered: Collection[str]) -> None:
    """What was answered is stored, and whatever is stored has all that belongs to it."""
    engine = create_engine(url)
    with Store(engine).reading() as transaction:
        rows = transaction.adaptations.list(limit=10_000).items
        assert {row.id for row in rows} >= set(answered)
        for row in rows:
            adapted = stored.unpack_parameters(transaction.adaptations.parameters(row.id), row)
            assert len(adapted.prototypes) == len(row.classes)
            assert len(stored.unpack_examples(transaction.adaptations.examples(row.id) or b"")) == 12
    engine.dispose()


def form(examples: Mapping[str, list[bytes]], **fields: str) -> dict[str, object]:
    """What httpx posts to teach `small` these examples."""
    pairs = [(label, file) for label, files in examples.items() for file in files]
    return {
        "data": {"model": "small", **fields, "labels": [label for label, _ in pairs]},
        "files": [("examples", (f"{index}.png", file)) for index, (_, file) in enumerate(pairs)],
    }


def _png(grey: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue()
