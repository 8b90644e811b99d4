"""Whatever is sent as an image, the answer is a documented one, and the next request is met."""

import base64

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.hostile import BOMBS, hostile_files
from tests.services import Examples, form

ANSWERS = {200, 201, 413, 415, 422}

pytestmark = pytest.mark.parametrize("shared_database_url", ["sqlite"], indirect=True)


@pytest.fixture
def adaptation(http: httpx.Client, examples: Examples) -> str:
    """Path of an adaptation."""
    return f"/v1/adaptations/{http.post('/v1/adaptations', **form(examples)).json()['id']}"


def send(http: httpx.Client, adaptation: str, examples: Examples, image: bytes) -> None:
    """Send an image everywhere, as an example beside good ones too, and see that the service lives on."""
    labelled = {"odd": [image], **examples}
    in_json = [
        {"label": label, "image": base64.b64encode(file).decode()}
        for label, files in labelled.items()
        for file in files
    ]
    answers = [
        http.post("/v1/preprocess", content=image),
        http.post("/v1/preprocess", files={"image": ("odd.png", image)}),
        http.post("/v1/adaptations", **form(labelled)),
        http.post("/v1/adaptations", json={"model": "small", "examples": in_json}),
        http.post(f"{adaptation}/predictions", files=[("images", ("odd.png", image))]),
        http.post(f"{adaptation}/predictions", json={"inputs": [{"image": in_json[0]["image"]}]}),
    ]
    for answer in answers:
        assert answer.status_code in ANSWERS, answer.text
    assert len({answer.is_success for answer in answers}) == 1
    good = [("images", file) for files in examples.values() for file in files]
    assert http.post(f"{adaptation}/predictions", files=good).status_code == 200


@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(image=hostile_files)
def test_any_bytes_are_answered(
    http: httpx.Client, adaptation: str, examples: Examples, image: bytes
) -> None:
    send(http, adaptation, examples, image)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_answered(http: httpx.Client, adaptation: str, examples: Examples, name: str) -> None:
    send(http, adaptation, examples, BOMBS[name]())
