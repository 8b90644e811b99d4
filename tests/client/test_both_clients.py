"""The two clients do the same, over real HTTP too."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import PIL.Image
import pytest

import imaml.client
from imaml.client import ApiError, ApiUnreachable, AsyncClient, Client
from tests.client.conftest import Caller, Clock
from tests.client.services import ADAPTATION
from tests.services import Examples


def methods(kind: type) -> dict[str, Any]:
    return {name: member for name, member in vars(kind).items() if not name.startswith("_")}


def test_they_have_the_same_methods_with_the_same_parameters() -> None:
    ours, theirs = methods(Client), methods(AsyncClient)
    assert {*ours} - {"close"} == {*theirs} - {"aclose"}
    for name in {*ours} & {*theirs}:
        signature, other = inspect.signature(ours[name]), inspect.signature(theirs[name])
        assert signature.parameters == other.parameters, name
        if name != "predict_batch":
            assert signature.return_annotation == other.return_annotation, name
            assert inspect.iscoroutinefunction(theirs[name]), name
    assert list(inspect.signature(Client).parameters) == list(inspect.signature(AsyncClient).parameters)


def test_everything_public_is_documented_and_exported() -> None:
    for kind in (Client, AsyncClient):
        assert all(inspect.getdoc(member) for member in methods(kind).values())
    assert sorted(imaml.client.__all__) == imaml.client.__all__
    assert all(hasattr(imaml.client, name) for name in imaml.client.__all__)


def test_a_classifier_is_made_and_used(
    call: Caller, api_url: str, examples: Examples, queries: list[bytes], tmp_path: Path
) -> None:
    call(api_url, "health")
    adaptation = call(api_url, "adapt", "small", examples, name="four")
    assert call(api_url, "adaptation", adaptation.id) == adaptation
    assert adaptation in call(api_url, "adaptations")
    path = tmp_path / "query.png"
    path.write_bytes(queries[0])
    with PIL.Image.open(path) as image:
        kinds = [path, queries[0], bytearray(queries[0]), image, np.asarray(image)]
        answers = call(api_url, "predict", adaptation.id, kinds)
        assert call(api_url, "predict", adaptation.id, (kind for kind in kinds)) == answers
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert call(api_url, "predict", adaptation.id, []) == []
    assert len(call(api_url, "examples", adaptation.id)) == 12
    call(api_url, "delete_adaptation", adaptation.id)
    with pytest.raises(ApiError) as error:
        call(api_url, "adaptation", adaptation.id)
    assert error.value.status == 404
    assert error.value.request_id


def test_a_model_is_taken_away_and_brought(call: Caller, api_url: str, tmp_path: Path) -> None:
    path = tmp_path / "small.imaml"
    path.write_bytes(call(api_url, "bundle", "small"))
    model = call(api_url, "model", "small")

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.raw_path) == ("POST", b"/v1/models?name=copy")
        assert request.content == path.read_bytes()
        return httpx.Response(201, text=model.model_dump_json())

    for bundle in (path, str(path), path.read_bytes()):
        assert call(answer, "upload_model", bundle, "copy") == model


def test_all_pages_are_read(call: Caller) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["limit"] == "200"
        number = int(request.url.params.get("cursor", "0"))
        following = str(number + 1) if number < 2 else None
        return httpx.Response(
            200, json={"items": [{**ADAPTATION, "id": f"a{number}"}], "next_cursor": following}
        )

    assert [adaptation.id for adaptation in call(answer, "adaptations")] == ["a0", "a1", "a2"]


def test_an_adapted_model_is_taken_away(call: Caller) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/adaptations/a1/export"
        return httpx.Response(200, content=b"PK zip")

    assert call(answer, "export", "a1") == b"PK zip"


def test_a_missing_image_is_told_by_its_name(call: Caller, api_url: str) -> None:
    for method, args in {"preprocess": ["no.png"], "predict": ["a1", ["no.png"]]}.items():
        with pytest.raises(FileNotFoundError, match=r"no\.png"):
            call(api_url, method, *args)


def test_nothing_at_the_address_is_told(call: Caller, clock: Clock) -> None:
    with pytest.raises(ApiUnreachable, match=r"127\.0\.0\.1:9; start it with `make up`"):
        call("http://127.0.0.1:9", "limits")
    assert len(clock.pauses) == 3


def test_many_calls_go_on_at_once(api_url: str, queries: list[bytes]) -> None:
    async def use() -> list[bytes]:
        async with AsyncClient(api_url) as client:
            return await asyncio.gather(*(client.preprocess(query) for query in queries * 3))

    with Client(api_url) as client:
        assert asyncio.run(use()) == [client.preprocess(query) for query in queries] * 3
