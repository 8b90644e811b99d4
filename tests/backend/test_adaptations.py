"""Adaptations: taught as the runtime would, stored, listed, extended, forgotten."""

import base64
import io
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import httpx
import numpy as np
import pytest
import safetensors.numpy
from PIL import Image
from sqlalchemy import func, select

from backend.settings import Settings
from imaml.client import ApiError, Client
from imaml.runtime import preprocessing
from imaml.runtime.adaptation import adapt
from imaml.runtime.inputs import Drawings
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Support
from imaml.store import Adaptation, Bundle, Store, create_engine, new_id
from tests.services import Examples, Serve, add_model, form

ADAPTED = 'imaml_stage_seconds_count{stage="adapt"}'

CONTRACT = {
    "id", "name", "model", "model_version", "classes", "recipe", "solution", "unknown_threshold", "warnings",
    "examples_stored", "created_at", "created_by", "expires_at",
}  # fmt: skip
SOLUTION = {
    "steps", "converged", "stop_reason", "residual", "support_loss", "support_accuracy", "distance", "trace",
    "duration_ms",
}  # fmt: skip


@pytest.fixture
def meta_model(model_bundle: Bundle) -> MetaModel:
    """The model of the service, without the service."""
    return MetaModel.load(model_bundle.description, model_bundle.parameters, model_bundle.graphs, threads=1)


def test_answer_has_the_contract_s_fields(http: httpx.Client, examples: Examples) -> None:
    response = http.post("/v1/adaptations", **form(examples, name="glyphs"))
    assert response.status_code == 201
    answer = response.json()
    assert answer.keys() == CONTRACT
    assert answer["solution"].keys() == SOLUTION
    assert answer["recipe"].keys() == {
        "solver", "max_steps", "inner_lr", "lam", "tolerance", "momentum", "cg_steps", "memory", "lam_scales",
        "validated",
    }  # fmt: skip
    assert answer["solution"]["trace"][0].keys() == {"step", "loss", "residual"}
    assert (answer["name"], answer["model"], answer["model_version"]) == ("glyphs", "small", 1)
    assert answer["classes"] == sorted(examples)
    assert answer["warnings"] == []
    assert answer["expires_at"] is None
    assert datetime.fromisoformat(answer["created_at"]).tzinfo is not None
    assert http.get(f"/v1/adaptations/{answer['id']}").json() == answer


def test_service_adapts_as_the_runtime_does(
    client: Client, shared_store: Store, meta_model: MetaModel, examples: Examples
) -> None:
    adaptation = client.adapt("small", examples)
    images = Drawings().read([file for files in examples.values() for file in files])
    labels = [label for label, files in examples.items() for _ in files]
    adapted, solution = adapt(meta_model, Support.of(images, labels), meta_model.recipe)
    with shared_store.reading() as transaction:
        stored = safetensors.numpy.load(transaction.adaptations.parameters(adaptation.id))
    assert np.array_equal(stored["phi"], adapted.phi)
    assert np.array_equal(stored["moments"], adapted.moments)
    assert adaptation.solution.steps == solution.steps == 5
    assert adaptation.solution.residual == solution.residual
    assert adaptation.solution.support_loss == solution.support_loss
    assert [point.loss for point in adaptation.solution.trace] == [point.loss for point in solution.trace]
    assert np.array_equal(stored["prototypes"], adapted.prototypes)
    assert adaptation.unknown_threshold == 0.3


def test_json_and_multipart_teach_the_same(http: httpx.Client, examples: Examples) -> None:
    body = {
        "model": "small",
        "max_steps": 3,
        "examples": [
            {"label": label, "image": base64.b64encode(file).decode()}
            for label, files in examples.items()
            for file in files
        ],
    }
    by_json = http.post("/v1/adaptations", json=body)
    by_form = http.post("/v1/adaptations", **form(examples, max_steps="3"))
    assert by_json.status_code == by_form.status_code == 201
    assert by_json.json()["solution"]["trace"] == by_form.json()["solution"]["trace"]


def test_adaptation_does_not_depend_on_the_order_of_its_examples(
    client: Client, shared_store: Store, examples: Examples
) -> None:
    pairs = [(file, label) for label, files in examples.items() for file in files]
    one, other = client.adapt("small", pairs), client.adapt("small", pairs[::-1])
    assert one.solution.trace == other.solution.trace
    assert one.classes == other.classes
    with shared_store.reading() as transaction:
        rows = [transaction.adaptations.get(adaptation.id) for adaptation in (one, other)]
    assert rows[0].parameters_sha256 == rows[1].parameters_sha256


def test_recipe_is_the_model_s_unless_asked_for_another(client: Client, examples: Examples) -> None:
    own = client.adapt("small", examples)
    assert own.recipe.validated
    assert own.recipe.model_dump(exclude={"validated"}) == client.model("small").recipe.model_dump()
    asked = client.adapt("small", examples, lam=2.0, inner_lr=0.05, max_steps=7, tolerance=0.0)
    assert (asked.recipe.lam, asked.recipe.inner_lr, asked.recipe.max_steps) == (2.0, 0.05, 7)
    assert asked.solution.steps == 7
    assert not asked.recipe.validated
    assert any("validated" in warning for warning in asked.warnings)
    same = client.adapt("small", examples, lam=own.recipe.lam, max_steps=own.recipe.max_steps)
    assert same.recipe.validated
    assert same.warnings == []


def test_tolerance_and_deadline_end_the_loop(client: Client, examples: Examples) -> None:
    early = client.adapt("small", examples, tolerance=1e6)
    assert (early.solution.steps, early.solution.stop_reason) == (0, "tolerance")
    assert early.solution.converged
    late = client.adapt("small", examples, max_steps=1000, deadline_ms=1)
    assert late.solution.stop_reason == "deadline"
    assert not late.solution.converged
    assert any("deadline" in warning for warning in late.warnings)


def test_doubtful_examples_are_named(http: httpx.Client, examples: Examples) -> None:
    blank = io.BytesIO()
    Image.new("L", (50, 50), "white").save(blank, "PNG")
    first, second, *_ = examples
    doubtful = {first: [*examples[first], blank.getvalue()], second: [*examples[second], examples[first][0]]}
    warnings = http.post("/v1/adaptations", **form(doubtful)).json()["warnings"]
    assert len(warnings) == 2
    assert "examples[3] (3.png)" in warnings[0]
    assert "blank" in warnings[0]
    assert all(name in warnings[1] for name in ("examples[0] (0.png)", "examples[7] (7.png)", first, second))


def test_listing_is_newest_first_in_pages(client: Client, http: httpx.Client, examples: Examples) -> None:
    made = [client.adapt("small", examples).id for _ in range(3)]
    first = http.get("/v1/adaptations", params={"limit": 2}).json()
    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    following = {"limit": 1, "cursor": first["next_cursor"]}
    assert http.get("/v1/adaptations", params=following).json()["items"][0]["id"] == made[0]
    assert [adaptation.id for adaptation in client.adaptations()[:3]] == made[::-1]


def test_deleted_adaptation_is_gone(client: Client, examples: Examples, queries: list[bytes]) -> None:
    adaptation = client.adapt("small", examples)
    client.predict(adaptation.id, queries)
    client.delete_adaptation(adaptation.id)
    for call in (
        lambda: client.adaptation(adaptation.id),
        lambda: client.predict(adaptation.id, queries),
        lambda: client.examples(adaptation.id),
        lambda: client.delete_adaptation(adaptation.id),
    ):
        with pytest.raises(ApiError) as error:
            call()
        assert (error.value.status, error.value.type) == (404, "/problems/unknown-adaptation")


def test_ttl_sets_the_end_and_what_is_past_it_is_gone(
    client: Client, shared_store: Store, examples: Examples, queries: list[bytes]
) -> None:
    lasting = client.adapt("small", examples, ttl_seconds=3600)
    assert lasting.expires_at is not None
    assert abs(lasting.expires_at - lasting.created_at - timedelta(hours=1)) < timedelta(minutes=1)
    assert client.predict(lasting.id, queries[:1])  # now it is in the service's memory
    _expire(shared_store, lasting.id)
    for call in (lambda: client.predict(lasting.id, queries[:1]), lambda: client.adaptation(lasting.id)):
        with pytest.raises(ApiError) as error:
            call()
        assert error.value.status == 404


def test_expired_adaptations_are_removed_in_the_background(
    serve: Serve,
    store: Store,
    database_url: str,
    model_file: bytes,
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backend.work.retention._EVERY_SECONDS", 0.02)
    add_model(database_url, model_file)
    with serve(Settings(database_url=database_url)) as url, Client(url) as client:
        expired = client.adapt("small", examples, ttl_seconds=60, max_steps=1)
        _expire(store, expired.id)
        with create_engine(database_url).connect() as connection:
            while connection.scalar(select(func.count()).select_from(Adaptation)):
                connection.rollback()
        connection.engine.dispose()


def test_what_is_extended_is_forgotten_when_it_would_have_been(client: Client, examples: Examples) -> None:
    label, *_ = examples
    more = {label: examples[label][:1]}
    before = client.adapt("small", examples, ttl_seconds=3600, name="brief")
    after = client.add_examples(before.id, more)
    assert (after.expires_at, after.name) == (before.expires_at, before.name)
    longer = client.add_examples(before.id, more, ttl_seconds=7200, name="longer")
    assert longer.name == "longer"
    assert longer.expires_at is not None
    assert before.expires_at is not None
    assert longer.expires_at > before.expires_at


def test_what_was_deleted_is_in_no_file_of_the_database(
    serve: Serve,
    tmp_path: Path,
    sqlite_template: Path,
    model_file: bytes,
    examples: Examples,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backend.work.retention._EVERY_SECONDS", 0.05)
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'imaml.db')}"
    add_model(url, model_file)

    def traces() -> list[Path]:
        return [path for path in tmp_path.iterdir() if b"a most private name" in path.read_bytes()]

    with serve(Settings(database_url=url)) as address, Client(address) as client:
        adaptation = client.adapt("small", examples, name="a most private name")
        assert traces()
        client.delete_adaptation(adaptation.id)
        end = monotonic() + 30
        while traces():
            assert monotonic() < end


def test_stored_examples_are_what_the_model_saw(client: Client, examples: Examples) -> None:
    adaptation = client.adapt("small", examples)
    shown = client.examples(adaptation.id)
    assert [example.label for example in shown] == [label for label, files in examples.items() for _ in files]
    first = next(iter(examples.values()))[0]
    with Image.open(io.BytesIO(shown[0].image)) as image:
        assert np.array_equal(255 - np.asarray(image), preprocessing.preprocess(first))
    assert client.preprocess(first) == shown[0].image


def test_examples_that_were_not_to_be_stored_are_not(client: Client, examples: Examples) -> None:
    adaptation = client.adapt("small", examples, store_examples=False)
    for call in (
        lambda: client.examples(adaptation.id),
        lambda: client.add_examples(adaptation.id, examples),
    ):
        with pytest.raises(ApiError, match="not stored") as error:
            call()
        assert error.value.status == 404


def test_more_examples_make_the_adaptation_of_all_of_them(client: Client, examples: Examples) -> None:
    *others, last = examples
    before = client.adapt("small", {label: examples[label] for label in others}, lam=1.5)
    after = client.add_examples(before.id, {last: examples[last]})
    at_once = client.adapt("small", examples, lam=1.5)
    assert after.id != before.id
    assert after.classes == sorted(examples)
    assert after.recipe == before.recipe
    assert after.solution.trace == at_once.solution.trace
    assert client.adaptation(before.id) == before
    assert len(client.examples(after.id)) == sum(map(len, examples.values()))


def test_same_key_and_request_give_the_same_adaptation(
    client: Client, second_client: Client, http: httpx.Client, examples: Examples
) -> None:
    key = new_id()
    first = client.adapt("small", examples, idempotency_key=key)
    assert client.adapt("small", examples, idempotency_key=key) == first
    assert second_client.adapt("small", examples, idempotency_key=key) == first
    body = {
        "model": "small",
        "examples": [
            {"label": label, "image": base64.b64encode(file).decode(), "filename": "image"}
            for label, files in examples.items()
            for file in files
        ],
    }
    by_json = http.post("/v1/adaptations", json=body, headers={"Idempotency-Key": key})
    assert (by_json.status_code, by_json.json()["id"]) == (201, first.id)
    assert client.adapt("small", examples).id != first.id
    assert client.adapt("small", examples, idempotency_key=new_id()).id != first.id


def test_key_of_another_request_is_a_conflict(client: Client, examples: Examples) -> None:
    key = new_id()
    client.adapt("small", examples, idempotency_key=key)
    label, *others = examples
    other_label = {"another": examples[label], **{other: examples[other] for other in others}}
    fewer = {label: files[:2] for label, files in examples.items()}
    for changed, options in ((other_label, {}), (fewer, {}), (examples, {"lam": 2.0})):
        with pytest.raises(ApiError, match=key) as error:
            client.adapt("small", changed, idempotency_key=key, **options)
        assert (error.value.status, error.value.type) == (409, "/problems/idempotency-conflict")


def test_same_request_sent_many_times_at_once_is_done_and_stored_once(
    client: Client, http: httpx.Client, examples: Examples
) -> None:
    def count_adapted() -> float:
        [line] = [line for line in http.get("/metrics").text.splitlines() if line.startswith(ADAPTED)]
        return float(line.split()[-1])

    client.adapt("small", examples)
    key, before = new_id(), count_adapted()
    with ThreadPoolExecutor(4) as pool:
        made = {*pool.map(lambda _: client.adapt("small", examples, idempotency_key=key).id, range(4))}
    assert len(made) == 1
    assert count_adapted() == before + 1
    assert sum(adaptation.id in made for adaptation in client.adaptations()) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "é", "a\tb"])
def test_key_is_1_to_200_printable_characters(http: httpx.Client, examples: Examples, key: str) -> None:
    response = http.post("/v1/adaptations", **form(examples), headers={"Idempotency-Key": key.encode()})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-request")
    assert "Idempotency-Key" in response.json()["errors"]


def _expire(store: Store, adaptation_id: str) -> None:
    with store.transaction() as transaction:
        transaction.adaptations.get(adaptation_id).expires_at = datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture
def second_client(serve: Serve, shared_database_url: str) -> Iterator[Client]:
    """Another process's service on the same database, with room for nothing in memory."""
    settings = Settings(database_url=shared_database_url, cached_adaptation_bytes=0)
    with serve(settings) as url, Client(url) as client:
        yield client


def test_any_replica_serves_any_adaptation(
    client: Client, second_client: Client, examples: Examples, queries: list[bytes]
) -> None:
    adaptation = client.adapt("small", examples)
    assert second_client.adaptation(adaptation.id) == adaptation
    assert second_client.predict(adaptation.id, queries) == client.predict(adaptation.id, queries)


def test_failed_adaptation_leaves_nothing(client: Client, shared_store: Store, examples: Examples) -> None:
    with pytest.raises(ApiError, match="label") as error:
        client.adapt("small", {"one": next(iter(examples.values()))}, name="unfinished")
    assert error.value.status == 422
    with shared_store.reading() as transaction:
        names = [row.name for row in transaction.adaptations.list(limit=100).items]
    assert "unfinished" not in names


def test_stored_and_new_examples_together_are_bounded(
    serve: Serve, shared_database_url: str, client: Client, examples: Examples
) -> None:
    before = client.adapt("small", examples)
    count = len(client.examples(before.id))
    first = next(iter(examples))
    settings = Settings(database_url=shared_database_url, max_examples=count)
    with (
        serve(settings) as url,
        Client(url) as narrow,
        pytest.raises(ApiError, match=f"{count + 1}") as error,
    ):
        narrow.add_examples(before.id, {first: examples[first][:1]})
    assert error.value.status == 413
