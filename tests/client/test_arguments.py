"""What cannot be sent is told in a sentence, and nothing is sent."""

import json
import math
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from imaml.client import Adaptation, ApiError, ApiUnreachable, ClientError, InvalidArgument
from tests.client.conftest import Caller, Clock
from tests.client.services import ADAPTATION, Scripted, refusal

PICTURES = {"cat": [b"1"], "dog": [b"2"]}
VECTORS = [([0.5, 1.0], "sick"), ([0.25, 2.0], "well")]

TEACHING = ("adapt", "submit", "add_examples", "submit_examples")

DONE = httpx.Response(200, json=ADAPTATION)


GREY = np.zeros((8, 6), np.uint8)


def refused(call: Caller, method: str, *args: object, **options: Any) -> str:
    """What the client says to a call that it does not make."""
    service = Scripted(refusal(500))
    with pytest.raises(ClientError) as error:
        call(service, method, *args, **options)
    assert service.asked == []
    assert isinstance(error.value, InvalidArgument)
    assert isinstance(error.value, ValueError)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "place"),
    [("clé", 3), ("a\nb", 2), ("a\0", 2), ("a\tb", 2), ("\x7f", 1), (" a", 1), ("a ", 2), ("\ud800", 1)],
)
def test_an_idempotency_key_that_no_header_carries(call: Caller, key: str, place: int) -> None:
    fault = f"idempotency_key has at place {place} of {len(key)} what cannot be sent"
    for method in TEACHING:
        said = refused(call, method, "small", PICTURES, idempotency_key=key)
        assert said == f"{fault}; use ASCII letters and digits."


@pytest.mark.parametrize("key", ["imaml_schlüssel", "imaml_a\nb", "imaml_\x1b", "imaml_\ud800"])
def test_an_api_key_that_no_header_carries_is_not_told(
    call: Caller, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    said = refused(call, "limits", settings={"api_key": key})
    assert "IMAML_API_KEY has at place" in said
    assert "copy the key again" in said
    assert "imaml_" not in said
    if key.isprintable():
        monkeypatch.setenv("IMAML_API_KEY", key)
        assert refused(call, "limits") == said


def test_keys_that_can_be_sent_are(call: Caller) -> None:
    service = Scripted(DONE)
    call(service, "adapt", "small", PICTURES, idempotency_key="a ~!", settings={"api_key": " imaml_1\n"})
    assert service.asked[0].headers["idempotency-key"] == "a ~!"
    assert service.asked[0].headers["authorization"] == "Bearer imaml_1"


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        ([0.5, math.nan], r"[1] is nan"),
        ([-math.inf, 1], r"[0] is -inf"),
        ([1.0, None], r"[1] is nan"),
        (np.array([1, np.inf], np.float32), r"[1] is inf"),
        ([[1.0], [math.nan]], r"[1][0] is nan"),
        (["tall"], " is not made of numbers (could not convert string to float: 'tall')"),
        ([10**400], " is not made of numbers"),
        ([[1.0], [2.0, 3.0]], " is not made of numbers"),
        ({"a": 1}, " is not made of numbers"),
    ],
)
def test_a_vector_of_what_is_no_number(call: Caller, strange: Any, said: str) -> None:
    assert f"examples[2]{said}" in refused(call, "adapt", "small", [*VECTORS, (strange, "well")])
    assert f"inputs[1]{said}" in refused(call, "predict", "a1", [VECTORS[0][0], strange])
    assert f"inputs[0]{said}" in refused(call, "predict_numbers", "a1", [strange])


def test_a_target_that_is_no_number(call: Caller) -> None:
    said = refused(call, "adapt", "small", [([1.0], 1.0), ([2.0], math.nan)])
    assert said == "examples[1].target is nan; send finite numbers alone."


@pytest.mark.parametrize("examples", [PICTURES, VECTORS])
def test_an_option_that_is_no_number(call: Caller, examples: Any) -> None:
    for method in TEACHING:
        said = refused(call, method, "small", examples, lam=math.inf)
        assert said == "lam is inf; give a finite number."
    said = refused(call, "adapt", "small", examples, tolerance=np.float32("nan"))
    assert said == "tolerance is nan; give a finite number."


@pytest.mark.parametrize("examples", [PICTURES, VECTORS])
def test_numbers_of_numpy_are_numbers(call: Caller, examples: Any) -> None:
    service = Scripted(DONE)
    call(service, "adapt", "small", examples, lam=np.float32(0.5), max_steps=np.int64(3))
    content = service.asked[0].content
    assert re.search(rb'"lam"(:|\r\n\r\n)0\.5[,\r]', content)
    assert re.search(rb'"max_steps"(:|\r\n\r\n)3[,\r]', content)


@pytest.mark.parametrize("timeout", [0, -1, math.nan, math.inf])
def test_a_time_that_cannot_pass(call: Caller, timeout: float) -> None:
    said = refused(call, "limits", settings={"timeout": timeout})
    assert said == f"timeout is {timeout}; give a number of seconds above 0."


def test_texts_that_cannot_be_sent(call: Caller) -> None:
    for method, *args in (
        ("adapt", "small", {"\ud800": [b"1"]}),
        ("adapt", "small", {"\ud800": [[1.0]]}),
        ("metrics", "e1", ["\ud800"]),
    ):
        assert "'\\ud800', which is no character" in refused(call, method, *args)
    assert "too long" in refused(call, "model", "m" * 100_000)
    assert "set" in refused(call, "update_experiment", "e1", tags={"a"})


def mistaken(call: Caller, method: str, *args: object) -> str:
    """What the client says to what has not the type that belongs there."""
    service = Scripted(refusal(500))
    with pytest.raises(TypeError) as error:
        call(service, method, *args)
    assert service.asked == []
    return str(error.value)


ONE_IMAGE = ["who.png", Path("who.png"), b"who", bytearray(b"who"), GREY, np.zeros((8, 6, 3), np.uint8)]


@pytest.mark.parametrize("inputs", [*ONE_IMAGE, {"cat": [b"who"]}])
@pytest.mark.parametrize("method", ["predict", "predict_numbers"])
def test_one_input_where_a_list_belongs(call: Caller, method: str, inputs: object) -> None:
    said = mistaken(call, method, "a1", inputs)
    assert said == "The inputs must be a list, even if there is one."


@pytest.mark.parametrize("image", ONE_IMAGE)
@pytest.mark.parametrize("method", TEACHING)
def test_one_image_where_examples_belong(call: Caller, method: str, image: object) -> None:
    said = mistaken(call, method, "small", {"cat": [b"1"], "dog": image})
    assert said == "The examples of 'dog' must be a list, even if there is one."
    said = mistaken(call, method, "small", image)
    assert said == "The examples must be lists by label, or pairs of an input and its label or number."


@pytest.mark.parametrize("strange", [b"12", "ab", ([1.0],), ([1.0], "well", 1), GREY[:2], None])
@pytest.mark.parametrize("method", TEACHING)
def test_examples_that_are_no_pairs(call: Caller, method: str, strange: object) -> None:
    said = mistaken(call, method, "small", [*VECTORS, strange])
    assert said == "examples[2] must be a pair of an input and its label or number."


def test_a_target_that_is_many_numbers_or_none(call: Caller) -> None:
    said = refused(call, "adapt", "small", [*VECTORS, ([1.0], [1.0, 2.0])])
    assert said == "examples[2].target is an array [2] of float64; give a label or one number."
    said = refused(call, "adapt", "small", [*VECTORS, (b"1", None)])
    assert said == "examples[2].target is nan; send finite numbers alone."


@pytest.mark.parametrize(
    ("pixels", "form"),
    [
        (np.zeros((8, 6, 1), np.uint8), "[8, 6, 1] of uint8"),
        (np.zeros((3, 8, 6), np.uint8), "[3, 8, 6] of uint8"),
        (np.zeros((1, 8, 6, 3), np.uint8), "[1, 8, 6, 3] of uint8"),
        (np.zeros((8, 6, 3), np.uint16), "[8, 6, 3] of uint16"),
        (np.zeros((0, 6), np.uint8), "[0, 6] of uint8"),
    ],
)
def test_pixels_of_another_form(call: Caller, pixels: Any, form: str) -> None:
    advice = "the pixels of an image are [height, width] or [height, width, 3], of uint8"
    for method in TEACHING:
        said = refused(call, method, "small", {**PICTURES, "fox": [pixels]})
        assert said == f"examples[2] is an array {form}; {advice}."
    assert f"inputs[1] is an array {form}; {advice}" in refused(call, "predict", "a1", [GREY, pixels])
    assert f"inputs[1] is an array {form}; {advice}" in refused(call, "predict", "a1", [[1.0], pixels])
    assert f"The image is an array {form}; {advice}" in refused(call, "preprocess", pixels)
    assert "of float32; the pixels" in refused(call, "preprocess", pixels.astype(np.float32))


@pytest.mark.parametrize(
    ("strange", "form"),
    [
        (np.zeros((8, 6)), "an array [8, 6] of float64"),
        (np.zeros((8, 6), np.int64), "an array [8, 6] of int64"),
        (np.zeros((8, 6, 3), np.float32), "an array [8, 6, 3] of float32"),
        ([[1.5], [2.5]], "an array [2, 1] of float64"),
        (0.5, "one number"),
    ],
)
def test_a_vector_of_another_form(call: Caller, strange: Any, form: str) -> None:
    advice = "a vector is a list of numbers, and the pixels of an image are of uint8"
    for method in TEACHING:
        said = refused(call, method, "small", [*VECTORS, (strange, "well")])
        assert said == f"examples[2] is {form}; {advice}."
    assert refused(call, "predict", "a1", [strange]) == f"inputs[0] is {form}; {advice}."


def test_an_image_that_is_none(call: Caller) -> None:
    assert mistaken(call, "preprocess", [GREY]).startswith("The image is of the type list; give a path")


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("adaptation", []),
        ("predict", [[[1.0]]]),
        ("add_examples", [PICTURES]),
        ("adapt", [PICTURES]),
        ("submit", [VECTORS]),
        ("wait", []),
        ("model", []),
        ("experiment", []),
    ],
)
def test_an_object_in_place_of_its_id(call: Caller, method: str, args: list[object]) -> None:
    said = mistaken(call, method, Adaptation.model_validate(ADAPTATION), *args)
    assert said == "Adaptation is no name and no id; give its .id."
    assert mistaken(call, method, b"a1", *args) == "bytes is no name and no id; give a str."


def test_a_model_in_place_of_its_name_for_an_image(call: Caller) -> None:
    assert "give its .id" in mistaken(call, "preprocess", b"1", Adaptation.model_validate(ADAPTATION))


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_bytes_are_a_file(call: Caller, kind: Any) -> None:
    service = Scripted(httpx.Response(200, content=b"seen"))
    assert call(service, "preprocess", kind(b"PNG any")) == b"seen"
    assert b"PNG any" in service.asked[0].content
    with pytest.raises(ApiError):
        call(refusing := Scripted(refusal(404)), "predict_batch", "a1", kind(b"PK zip"))
    assert refusing.asked[0].content == b"PK zip"


def test_a_row_of_small_numbers_is_a_vector(call: Caller) -> None:
    service = Scripted(DONE)
    call(service, "adapt", "small", [(np.array([1, 2], np.uint8), "well"), (np.array([3, 4]), "sick")])
    assert [item["input"] for item in json.loads(service.asked[0].content)["examples"]] == [[1, 2], [3, 4]]


def test_inputs_and_examples_may_come_one_by_one(call: Caller) -> None:
    number = httpx.Response(200, json={"predictions": [{"value": 0.5}, {"value": 1.5}]})
    service = Scripted(number)
    assert call(service, "predict_numbers", "a1", iter([[1.0], [2.0]])) == [0.5, 1.5]
    assert json.loads(service.asked[0].content) == {"inputs": [{"input": [1.0]}, {"input": [2.0]}]}
    assert call(service, "predict_numbers", "a1", iter([])) == []
    assert len(service.asked) == 1
    whole, parts = Scripted(DONE), Scripted(DONE)
    call(whole, "adapt", "small", VECTORS)
    call(parts, "adapt", "small", zip(*zip(*VECTORS, strict=True), strict=True))
    assert parts.asked[0].content == whole.asked[0].content


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("127.0.0.1:8000", "it does not begin with http:// or https://"),
        ("localhost:8000", "it does not begin with http:// or https://"),
        ("ftp://example.test", "it does not begin with http:// or https://"),
        ("http://", "it names no host"),
        ("http://:8000", "it names no host"),
        ("http://example.test:99999", "there is no port 99999"),
        ("http://example.test:0", "there is no port 0"),
        ("http://example.test:port", "Invalid port: 'port'"),
        ("http://[::1", "Invalid port"),
        ("http://1.2.3.400", "Invalid IPv4 address: '1.2.3.400'"),
        ("http://a..test", "no host can have such a name"),
        ("http://xn--a", "no host can have such a name"),
        (f"http://{'a' * 64}.test", "no host can have such a name"),
        ("http://a\0b", "Invalid non-printable ASCII character"),
    ],
)
def test_an_address_that_leads_nowhere(call: Caller, clock: Clock, url: str, fault: str) -> None:
    with pytest.raises(ApiUnreachable) as error:
        call(url, "limits")
    said = str(error.value)
    assert said.startswith(f"No service can be at {url.rstrip('/')!r}: {fault}")
    assert said.endswith("; start one with `make up`, and let IMAML_API_URL say where it runs.")
    assert clock.pauses == []


def test_an_address_may_have_spaces_around_it(call: Caller) -> None:
    service = Scripted(DONE)
    call(service, "adaptation", "a1", settings={"url": " http://example.test:1/imaml/\n"})
    assert str(service.asked[0].url) == "http://example.test:1/imaml/v1/adaptations/a1"
