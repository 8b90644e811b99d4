"""The client: any kind of image, and errors that say what to do. tests/backend drives the rest through it."""

import io
import socket
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from imaml.client import ApiError, ApiUnreachable, Client, ClientError
from tests.services import Examples


def test_every_kind_of_image_is_the_same_image(client: Client, queries: list[bytes], tmp_path: Path) -> None:
    data = queries[0]
    path = tmp_path / "drawing.png"
    path.write_bytes(data)
    with Image.open(io.BytesIO(data)) as image:
        kinds = [data, path, str(path), image, np.asarray(image)]
        seen = {client.preprocess(kind) for kind in kinds}
    assert len(seen) == 1


def test_examples_come_by_label_or_in_pairs(client: Client, examples: Examples) -> None:
    pairs = [(file, label) for label, files in examples.items() for file in files]
    assert client.adapt("small", pairs).solution.trace == client.adapt("small", examples).solution.trace


def test_one_image_where_a_list_belongs_is_told(client: Client) -> None:
    with pytest.raises(TypeError, match="'cat' must be a list"):
        client.adapt("small", {"cat": "cat.png", "dog": ["dog.png"]})


def test_nothing_to_learn_from_and_nothing_to_predict(client: Client, examples: Examples) -> None:
    with pytest.raises(ValueError, match="no examples"):
        client.adapt("small", {})
    assert client.predict(client.adapt("small", examples).id, []) == []


def test_refusal_carries_the_problem(client: Client, examples: Examples) -> None:
    with pytest.raises(ApiError) as error:
        client.adapt("small", examples, max_steps=-1)
    refusal = error.value
    assert (refusal.status, refusal.type, refusal.title) == (
        422,
        "/problems/invalid-recipe",
        "Invalid recipe",
    )
    assert str(refusal) == refusal.detail == "max_steps is -1; it must be 0 or more."


def test_label_or_reference_of_any_characters_arrives(client: Client, examples: Examples) -> None:
    first, second, *_ = examples.values()
    labels = {'a "b"; c\\d/é?': first, "猫 & 犬": second}
    assert set(client.adapt("small", labels).classes) == set(labels)
    with pytest.raises(ApiError, match=r'"no such\?#"'):
        client.model("no such?#")


def test_silence_says_how_to_start_the_service() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "no address"):
        with Client(url) as client, pytest.raises(ApiUnreachable, match="make up") as error:
            client.models()
        assert url in str(error.value)


def test_slow_service_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url, timeout=0.05) as client, pytest.raises(ApiUnreachable, match="too long"):
            client.health()


def test_another_service_at_the_address_is_told() -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    with Client(transport=page) as client, pytest.raises(ClientError, match="IMAML_API_URL"):
        client.models()
    refusal = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>"))
    with Client(transport=refusal) as client, pytest.raises(ApiError, match="502 Bad Gateway"):
        client.models()


def test_a_proxy_is_not_asked_for_this_machine(api_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nobody)
    for url in (api_url, api_url.replace("127.0.0.1", "localhost")):
        with Client(url) as client:
            client.limits()
    monkeypatch.setenv("HTTP_PROXY", api_url)
    monkeypatch.setenv("http_proxy", api_url)
    with Client("http://example.test") as client, pytest.raises(ApiError) as error:
        client.limits()
    assert error.value.type == "/problems/foreign-host"  # the service, as the proxy, was asked for another


def test_environment_says_where_the_service_is_and_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"items": [], "next_cursor": None, "new": "field"})

    monkeypatch.setenv("IMAML_API_URL", "http://example.test:1/")
    monkeypatch.setenv("IMAML_API_KEY", "secret")
    with Client(transport=httpx.MockTransport(answer)) as client:
        assert client.models() == []
        assert client.url == "http://example.test:1"
    assert asked[0].url.host == "example.test"
    assert asked[0].headers["authorization"] == "Bearer secret"
