"""Each example of a problem in the schema is what the service answers, and stands where it does so."""

import inspect
import io
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import Engine, select, update

from backend import problems
from backend.messages.refusals import EXAMPLES, OF_KEYS, OF_LOCAL_MODE
from backend.problems import Problem
from backend.settings import Settings
from imaml import starter
from imaml.runtime import devices
from imaml.store import Bundle, Store, bundles, create_engine, utc_now
from imaml.store.tables import Adaptation, Blob, IdempotencyRecord
from tests.services import Serve, add_model

ADAPT = "/v1/adaptations"
NOBODY = "0" * 32
JSON, TEXT, ZIP = ({"Content-Type": kind} for kind in ("application/json", "text/plain", "application/zip"))

NewDatabase = Callable[[], str]


@pytest.fixture(scope="module")
def new_database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    """Makes a migrated SQLite file and gives its URL."""
    return lambda: f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('refusals') / 'db')}"


@pytest.fixture(scope="module")
def database(new_database: NewDatabase) -> Iterator[Engine]:
    """A database with the starter models."""
    with _with_models(new_database()) as engine:
        yield engine


@pytest.fixture(scope="module")
def local(serve: Serve, database: Engine) -> Iterator[httpx.Client]:
    """HTTP to a service without keys, which takes little."""
    limits = {"max_body_bytes": 100_000, "max_examples": 4, "max_pixels": 1_000_000}
    with _http(serve, database, **limits) as http:
        yield http


@pytest.fixture(scope="module")
def keys(new_database: NewDatabase) -> Iterator[Engine]:
    """A database with the starter models and a key."""
    with _with_models(new_database()) as engine:
        with Store(engine).transaction() as transaction:
            transaction.keys.create("acme", ["admin"])
        yield engine


@pytest.fixture(scope="module")
def closed(serve: Serve, keys: Engine) -> Iterator[httpx.Client]:
    """HTTP to a service with keys, each of which opens it twice."""
    with _http(serve, keys, max_adaptations=1, max_requests_per_minute=2) as http:
        yield http


@pytest.fixture(scope="module")
def schemas(local: httpx.Client, closed: httpx.Client) -> tuple[dict[str, Any], ...]:
    """The schemas of a service without keys, and of one with them."""
    return tuple(http.get("/openapi.json").json() for http in (local, closed))


@pytest.fixture
def key(keys: Engine) -> dict[str, str]:
    """The header of whoever has a new key."""
    with Store(keys).transaction() as transaction:
        _, text = transaction.keys.create("acme", ["adapt", "predict"])
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module")
def known(local: httpx.Client, queries: list[bytes]) -> str:
    """Id of an adaptation to one drawing of each of two classes."""
    return teach(local, queries[:2]).json()["id"]


@contextmanager
def _with_models(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    starter.load(Store(engine))
    yield engine
    engine.dispose()


@contextmanager
def _http(serve: Serve, database: Engine, **settings: object) -> Iterator[httpx.Client]:
    with (
        serve(Settings(database_url=f"{database.url}", **settings)) as url,
        httpx.Client(base_url=url, timeout=60) as http,
    ):
        yield http


def teach(
    http: httpx.Client, files: list[bytes], headers: dict[str, str] | None = None, **fields: object
) -> httpx.Response:
    """Teach images, each of a class of its own."""
    return http.post(
        ADAPT,
        data={"model": "starter", "labels": [f"class {index}" for index in range(len(files))], **fields},
        files=[("examples", ("cat.png", file)) for file in files],
        headers=headers,
    )


def infer(local: httpx.Client, known: str, *outputs: str) -> httpx.Response:
    """Ask by the Open Inference Protocol for these outputs, or for all, about pixels of the wrong size."""
    pixels = {"name": "pixels", "datatype": "FP32", "shape": [1, 1, 32, 32], "data": []}
    body = {"inputs": [pixels], "outputs": [{"name": name} for name in outputs]}
    return local.post(f"/v2/models/{known}/infer", json=body)


def readiness(serve: Serve, url: str, **settings: object) -> httpx.Response:
    """What a service on this database says of itself."""
    with serve(Settings(database_url=url, **settings)) as address:
        return httpx.get(f"{address}/readyz", timeout=60, verify=False)


def too_slow(serve: Serve, new_database: NewDatabase) -> httpx.Response:
    """Send the beginning of a request, and no more."""
    with (
        serve(Settings(database_url=new_database(), max_body_seconds=0.01)) as url,
        closing(HTTPConnection(url.removeprefix("http://"), timeout=60)) as connection,
    ):
        connection.putrequest("POST", ADAPT)
        connection.putheader("Content-Length", "100")
        connection.endheaders()
        answer = connection.getresponse()
        request = httpx.Request("POST", f"{url}{ADAPT}")
        return httpx.Response(answer.status, content=answer.read(), request=request)


def too_large_image(local: httpx.Client) -> httpx.Response:
    """Send more than a million pixels in few bytes."""
    file = io.BytesIO()
    Image.new("1", (1001, 1000)).save(file, "PNG")
    return teach(local, [file.getvalue()])


def in_progress(
    local: httpx.Client, queries: list[bytes], database: Engine, monkeypatch: pytest.MonkeyPatch
) -> httpx.Response:
    """Send again what somebody else seems to be at."""
    monkeypatch.setattr("backend.work.idempotency._WAIT_SECONDS", -1)
    headers = {"Idempotency-Key": "order-18"}
    teach(local, queries[:2], headers)
    unanswered = {"adaptation_id": None, "lease_until": utc_now() + timedelta(minutes=1)}
    with database.begin() as connection:
        it = IdempotencyRecord.key == headers["Idempotency-Key"]
        connection.execute(update(IdempotencyRecord).where(it).values(unanswered))
    return teach(local, queries[:2], headers)


def without_examples(local: httpx.Client, queries: list[bytes]) -> httpx.Response:
    """Look at examples that were not to be stored."""
    adaptation = teach(local, queries[:2], store_examples="false").json()["id"]
    return local.get(f"{ADAPT}/{adaptation}/examples")


def damaged(local: httpx.Client, queries: list[bytes], database: Engine) -> httpx.Response:
    """Look at stored examples, of nobody else, whose bytes have become others."""
    adaptation = teach(local, queries[2:4]).json()["id"]
    stored = select(Adaptation.examples_sha256).where(Adaptation.id == adaptation)
    with database.begin() as connection:
        connection.execute(update(Blob).where(Blob.sha256.in_(stored)).values(data=b"other"))
    return local.get(f"{ADAPT}/{adaptation}/examples")


def without_classes(serve: Serve, new_database: NewDatabase, regression_bundle: Bundle) -> httpx.Response:
    """Ask for margins of what was learned from numbers."""
    url = new_database()
    add_model(url, bundles.write(regression_bundle), "prices")
    with serve(Settings(database_url=url)) as address, httpx.Client(base_url=address, timeout=60) as http:
        points = [{"input": [number], "target": number} for number in (0, 1)]
        adaptation = http.post(ADAPT, json={"model": "prices", "examples": points}).json()["id"]
        return http.get(f"{ADAPT}/{adaptation}/examples", params={"margins": True})


def without_graphs(serve: Serve, new_database: NewDatabase, database: Engine) -> httpx.Response:
    """Ask whether a service is ready whose model lacks what it needs."""
    with Store(database).reading() as transaction:
        bundle = bundles.read(transaction.models.bundle(transaction.models.resolve("starter")))
    url = new_database()
    add_model(url, bundles.write(replace(bundle, graphs={})))
    return readiness(serve, url)


def without_gpu(serve: Serve, database: Engine, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    """Ask whether a service is ready that shall use a GPU, where ONNX Runtime has no way to."""
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    devices.choose.cache_clear()
    return readiness(serve, f"{database.url}", device="cuda")


CASES: dict[str, Callable[..., httpx.Response | Problem]] = {
    "empty-request": lambda local: local.post(ADAPT),
    "malformed-json": lambda local: local.post(ADAPT, content=b"{", headers=JSON),
    "malformed-request": lambda local: local.post(
        "/v1/models", data={"bundle": "my.imaml"}, files={"bundle": b"x"}
    ),
    "unpaired-examples": lambda local, queries: teach(local, queries[:3], labels=["cat", "dog"]),
    "key-needed": lambda closed: closed.get("/v1/models"),
    "key-unknown": lambda closed: closed.get("/v1/models", headers={"Authorization": "Bearer imaml"}),
    "scope-needed": lambda closed, key: closed.get("/v1/experiments", headers=key),
    "foreign-host": lambda local: local.get("/v1/models", headers={"Host": "example.org"}),
    "foreign-origin": lambda local: local.get("/v1/models", headers={"Origin": "https://example.org"}),
    "no-examples": without_examples,
    "unknown-adaptation": lambda local: local.get(f"{ADAPT}/{NOBODY}"),
    "unknown-experiment": lambda local: local.get(f"/v1/experiments/{NOBODY}"),
    "unknown-job": lambda local: local.get(f"/v1/jobs/{NOBODY}"),
    "unknown-model": lambda local: local.get("/v1/models/stater"),
    "unknown-version": lambda local, known: local.get(f"/v2/models/{known}/versions/3"),
    "idempotency-conflict": lambda local, queries: [
        teach(local, queries[:count], {"Idempotency-Key": "order-17"}) for count in (2, 3)
    ][-1],
    "request-in-progress": in_progress,
    "body-too-slow": too_slow,
    "body-too-large": lambda local: local.post(ADAPT, content=bytes(100_001), headers=JSON),
    "image-too-large": too_large_image,
    "too-many": lambda local, queries: teach(local, queries[:5]),
    "unsupported-encoding": lambda local: local.post(
        ADAPT, content=b"x", headers={**JSON, "Content-Encoding": "br"}
    ),
    "unsupported-image": lambda local: teach(local, [b"GIF89a"]),
    "unsupported-media-type": lambda local: local.post(ADAPT, content=b"x", headers=TEXT),
    "diverged": lambda local, queries: teach(local, queries[:2], inner_lr="1e10", max_steps="9"),
    "invalid-archive": lambda local, known: local.post(
        f"{ADAPT}/{known}/predictions/batch", content=b"x", headers=ZIP
    ),
    "invalid-bundle": lambda local: local.post("/v1/models", content=b"x", headers=ZIP),
    "invalid-examples": lambda local, queries: teach(local, queries[:1]),
    "invalid-input": lambda local, known: infer(local, known),
    "invalid-recipe": lambda local, queries: teach(local, queries[:2], max_steps="-2"),
    "invalid-request": lambda local, queries: teach(local, queries[:1], labels=[" "]),
    "invalid-value": lambda local: local.get(ADAPT, params={"cursor": "x"}),
    "no-classes": without_classes,
    "no-images": lambda local, queries: local.post(
        "/v1/preprocess", data={"model": "starter-vectors"}, files={"image": queries[0]}
    ),
    "over-the-limit": lambda local, queries: teach(local, queries[:2], max_steps="1001"),
    "too-few-examples": lambda local, known: local.post(f"{ADAPT}/{known}/unknown-threshold"),
    "unknown-output": lambda local, known: infer(local, known, "labels"),
    "unreadable-image": lambda local, queries: teach(local, [queries[0][:60]]),
    "quota-exceeded": lambda closed, key, queries: [teach(closed, queries[:2], key) for _ in range(2)][-1],
    "rate-exceeded": lambda closed, key: [closed.get("/v1/limits", headers=key) for _ in range(3)][-1],
    "damaged-data": damaged,
    "internal-error": problems.unexpected,
    "unusable-model": without_graphs,
    "database-outdated": lambda serve, tmp_path: readiness(serve, f"sqlite:///{tmp_path}/empty"),
    "database-unavailable": lambda serve: readiness(serve, "postgresql://127.0.0.1:1/imaml"),
    "device-unusable": without_gpu,
    "no-model": lambda serve, new_database: readiness(serve, new_database()),
    "server-full": problems.full,
    "stopping": problems.stopping,
}
"""How to provoke each kind of problem, with the fixtures that it takes."""


def masked(detail: str) -> str:
    """A sentence without what differs each time: what is quoted, ids, numbers."""
    return re.sub(r""""[^"]*"|(?<!\w)'[^']*'|\b[0-9a-f]{32,}\b|\d+(?:[.,]\d+)*""", "…", detail)


def listed(schema: dict[str, Any], answer: httpx.Response) -> set[str]:
    """The kinds of problems that the schema lists for such a request and this status."""
    [operations] = (
        operations
        for path, operations in schema["paths"].items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), answer.request.url.path)
    )
    responses = operations[answer.request.method.lower()]["responses"]
    contents = responses.get(f"{answer.status_code}", {}).get("content", {}).values()
    return {kind for content in contents for kind in content["examples"]}


def test_every_kind_is_provoked() -> None:
    assert CASES.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("kind", CASES)
def test_example_is_what_the_service_says(
    kind: str, schemas: tuple[dict[str, Any], ...], request: pytest.FixtureRequest
) -> None:
    provoke = CASES[kind]
    fixtures = inspect.signature(provoke).parameters
    answer = provoke(**{name: request.getfixturevalue(name) for name in fixtures})
    if isinstance(answer, Problem):
        found, detail = answer.kind, answer.detail
    else:
        body = answer.json()
        found, detail = body.get("type", kind), body.get("detail") or body["error"]  # alone under /v2
        in_force = [kind in listed(schema, answer) for schema in schemas]
        assert in_force == [kind not in OF_KEYS, kind not in OF_LOCAL_MODE]
    status, example = EXAMPLES[kind]
    assert (found.removeprefix("/problems/"), answer.status_code) == (kind, status)
    assert masked(detail) == masked(example)
