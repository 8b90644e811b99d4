"""Stored models: listed, named, tried out, carried from one service to another."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from backend.settings import Settings
from imaml.client import ApiError, Client
from imaml.store import Bundle, bundles
from tests.models import DESCRIPTION
from tests.services import Examples, Serve


@pytest.fixture
def empty_service(serve: Serve, database_url: str) -> Iterator[Client]:
    """A service without a model."""
    with serve(Settings(database_url=database_url)) as url, Client(url) as client:
        yield client


def test_model_has_the_contract_s_fields(http: httpx.Client) -> None:
    model = http.get("/v1/models/small").json()
    fields = {"id", "name", "version", "aliases", "dataset", "input", "ways", "recipe", "experiment_id"}
    assert model.keys() == fields | {"task", "created_at"}
    assert (model["name"], model["version"], model["dataset"]) == ("small", 1, "glyphs")
    assert model["task"] == "classification"
    assert (model["input"], model["ways"]) == (DESCRIPTION["input"], DESCRIPTION["ways"])
    assert model["recipe"].items() >= DESCRIPTION["recipe"].items()
    assert model in http.get("/v1/models").json()["items"]
    assert http.get(f"/v1/models/{model['id']}").json() == http.get("/v1/models/small:1").json() == model


def test_alias_stands_for_the_version_it_was_given(empty_service: Client, model_file: bytes) -> None:
    client = empty_service
    first, second = client.upload_model(model_file), client.upload_model(model_file)
    assert (first.version, second.version) == (1, 2)
    assert client.model("small") == second
    named = client.set_alias("small:1", "champion")
    assert named.aliases == ["champion"]
    assert client.model("small") == client.model("small@champion") == named
    client.set_alias("small:2", "champion")
    assert client.model("small@champion").version == 2
    assert [model.version for model in client.models(name="small")] == [2, 1]
    assert client.models(name="smal") == client.models(experiment_id="0" * 32) == []


def test_bundle_travels_from_service_to_service(
    client: Client, empty_service: Client, model_file: bytes, examples: Examples, queries: list[bytes]
) -> None:
    data = client.bundle("small")
    assert data == model_file
    model = empty_service.upload_model(data, name="Füchse und Gänse")
    assert (model.name, model.version) == ("Füchse und Gänse", 1)
    here, there = client.adapt("small", examples), empty_service.adapt(model.id, examples)
    assert here.solution.trace == there.solution.trace
    assert client.predict(here.id, queries) == empty_service.predict(there.id, queries)


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("small", 'attachment; filename="small-v1.imaml"'),
        ("é", "attachment; filename*=UTF-8''%C3%A9-v1.imaml"),
    ],
)
def test_bundle_has_a_file_name(
    empty_service: Client, model_file: bytes, name: str, disposition: str
) -> None:
    empty_service.upload_model(model_file, name=name)
    response = httpx.get(f"{empty_service.url}/v1/models/{name}/bundle")
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == disposition


def test_bundle_as_a_form_field(empty_service: Client, model_file: bytes) -> None:
    response = httpx.post(f"{empty_service.url}/v1/models", files={"bundle": ("m.imaml", model_file)})
    assert response.status_code == 201
    assert response.json()["name"] == "small"


def _with(bundle: Bundle, **parts: object) -> Bundle:
    return replace(bundle, description={**bundle.description, **parts})


def _swapped(bundle: Bundle) -> Bundle:
    return replace(bundle, graphs={**bundle.graphs, "centre": bundle.graphs["predict"]})


def _without(bundle: Bundle, key: str) -> Bundle:
    return replace(bundle, description={k: v for k, v in bundle.description.items() if k != key})


def test_broken_bundle_is_not_stored(empty_service: Client, model_bundle: Bundle, model_file: bytes) -> None:
    broken = {
        "no zip": b"no zip",
        "cut short": model_file[:-100],
        "no graph": bundles.write(replace(model_bundle, graphs={})),
        "no ONNX": bundles.write(replace(model_bundle, graphs=dict.fromkeys(model_bundle.graphs, b"\xff"))),
        "no layout": bundles.write(_without(model_bundle, "layout")),
        "no data set": bundles.write(_without(model_bundle, "dataset")),
        "no calibration": bundles.write(_without(model_bundle, "calibration")),
        "no numbers": bundles.write(_with(model_bundle, ways={"min": "x", "max": 5})),
        "another graph": bundles.write(_swapped(model_bundle)),
        "examples are no zip": bundles.write(replace(model_bundle, examples=b"no zip")),
    }
    for what, data in broken.items():
        with pytest.raises(ApiError) as error:
            empty_service.upload_model(data)
        assert (error.value.status, error.value.type) == (422, "/problems/invalid-bundle"), what
    with pytest.raises(ApiError, match="no:name") as error:
        empty_service.upload_model(model_file, name="no:name")
    assert error.value.status == 422
    assert empty_service.models() == []


def test_episode_is_drawn_from_the_stored_examples(client: Client, model_bundle: Bundle) -> None:
    episode = client.episode("small", ways=3, shots=2, queries=3, seed=5)
    assert model_bundle.examples is not None
    with zipfile.ZipFile(io.BytesIO(model_bundle.examples)) as archive:
        stored = {archive.read(path): path.partition("/")[0] for path in archive.namelist()}
    drawn = [*episode.support, *episode.query]
    assert all(stored[example.image] == example.label for example in drawn)
    assert len({example.image for example in drawn}) == len(drawn) == 3 * (2 + 3)
    for images, count in ((episode.support, 2), (episode.query, 3)):
        labels = [image.label for image in images]
        assert sorted(labels.count(label) for label in set(labels)) == [count] * 3
    again = client.episode("small", ways=3, shots=2, queries=3, seed=5)
    other = client.episode("small", ways=3, shots=2, queries=3, seed=6)
    assert again == episode
    assert other.support != episode.support
    assert (episode.model, episode.ways, episode.shots, episode.queries, episode.seed) == (
        "small",
        3,
        2,
        3,
        5,
    )


def test_episode_can_be_taught_and_asked(client: Client) -> None:
    episode = client.episode("small", ways=2, shots=3, queries=2, seed=1)
    pairs = [(example.image, example.label) for example in episode.support]
    adaptation = client.adapt("small", pairs)
    predictions = client.predict(adaptation.id, [example.image for example in episode.query])
    assert {prediction.label for prediction in predictions} <= {example.label for example in episode.support}


def test_model_without_examples_has_no_episode(empty_service: Client, model_bundle: Bundle) -> None:
    empty_service.upload_model(bundles.write(replace(model_bundle, examples=None)))
    with pytest.raises(ApiError, match="No examples") as error:
        empty_service.episode("small")
    assert (error.value.status, error.value.type) == (404, "/problems/no-examples")
