"""What is wrong with a request is a problem that says so, and the service lives on."""

import base64
import io
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest
from PIL import Image

from backend.settings import Settings
from tests.services import Examples, Serve, form

ADAPT = "/v1/adaptations"
NOBODY = "0" * 32
"""An id that nothing has."""


def _check(response: httpx.Response, status: int, kind: str, *words: str) -> None:
    problem = response.json()
    assert (response.status_code, problem["type"]) == (status, f"/problems/{kind}"), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.keys() == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["title"]
    assert "Traceback" not in response.text
    for word in words:
        assert word in problem["detail"]


@pytest.fixture(autouse=True)
def service_lives_on(http: httpx.Client, examples: Examples) -> Iterator[None]:
    """After each of these tests, a good request is met."""
    yield
    assert http.post(ADAPT, **form(examples)).status_code == 201


def _png_that_claims(width: int, height: int) -> bytes:
    """A tiny PNG file whose header promises that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


BAD_IMAGES = {
    "corrupt": (lambda good: good[: len(good) // 2], 422, "unreadable-image"),
    "text": (lambda _: b"this is no image", 415, "unsupported-image"),
    "empty": (lambda _: b"", 422, "unreadable-image"),
    "huge": (lambda _: _png_that_claims(10_000, 10_000), 413, "image-too-large"),
}


@pytest.mark.parametrize(("spoil", "status", "kind"), BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_bad_image_is_named(
    http: httpx.Client, examples: Examples, spoil: Callable[[bytes], bytes], status: int, kind: str
) -> None:
    label, files = next(iter(examples.items()))
    bad = spoil(files[0])
    spoiled = {**examples, label: [*files[:2], bad]}
    _check(http.post(ADAPT, **form(spoiled)), status, kind, "examples[2] (2.png)")

    inputs = [{"image": base64.b64encode(file).decode()} for file in (*files[:1], bad)]
    adaptation = http.post(ADAPT, **form(examples)).json()["id"]
    _check(http.post(f"{ADAPT}/{adaptation}/predictions", json={"inputs": inputs}), status, kind, "images[1]")
    if bad:
        _check(http.post("/v1/preprocess", files={"image": ("drawing.png", bad)}), status, kind, "image: ")
        _check(http.post("/v1/preprocess", content=bad), status, kind, "image: ")


BAD_FIELDS = {
    "unknown model": ({"model": "nobody"}, 404, "unknown-model", "nobody"),
    "unknown solver": ({"solver": "magic"}, 422, "invalid-recipe", "magic"),
    "negative rate": ({"inner_lr": "-1"}, 422, "invalid-recipe", "inner_lr"),
    "no lam": ({"lam": "0"}, 422, "invalid-recipe", "lam"),
    "lam is NaN": ({"lam": "nan"}, 422, "invalid-request", "lam"),
    "lam is infinite": ({"lam": "inf"}, 422, "invalid-request", "lam"),
    "negative steps": ({"max_steps": "-1"}, 422, "invalid-recipe", "max_steps"),
    "half a step": ({"max_steps": "1.5"}, 422, "invalid-request", "max_steps"),
    "too many steps": ({"max_steps": "1001"}, 422, "over-the-limit", "1000"),
    "negative tolerance": ({"tolerance": "-1"}, 422, "invalid-recipe", "tolerance"),
    "no time": ({"deadline_ms": "0"}, 422, "invalid-request", "deadline_ms"),
    "too much time": ({"deadline_ms": "60001"}, 422, "over-the-limit", "60000"),
    "too long": ({"ttl_seconds": str(10**9)}, 422, "over-the-limit", "ttl_seconds"),
    "no such field": ({"lambda": "1"}, 422, "invalid-request", "lambda"),
    "diverges": ({"inner_lr": "1e10"}, 422, "diverged", "inner_lr"),
    "blank name": ({"name": " "}, 422, "invalid-request", "name"),
}


@pytest.mark.parametrize(("fields", "status", "kind", "word"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_bad_field_is_named(
    http: httpx.Client, examples: Examples, fields: dict[str, str], status: int, kind: str, word: str
) -> None:
    _check(http.post(ADAPT, **form(examples, **fields)), status, kind, word)


@pytest.mark.parametrize("label", ["", " ", "x" * 201, "bell\a"])
def test_label_is_1_to_200_characters(http: httpx.Client, examples: Examples, label: str) -> None:
    first, *others = examples
    renamed = {label: examples[first], **{other: examples[other] for other in others}}
    response = http.post(ADAPT, **form(renamed))
    _check(response, 422, "invalid-request", "examples.0.label")
    assert "examples.0.label" in response.json()["errors"]
    longest = {"x" * 200: examples[first], **{other: examples[other] for other in others}}
    assert http.post(ADAPT, **form(longest)).status_code == 201


def test_ways_are_those_of_the_model(http: httpx.Client, examples: Examples) -> None:
    files = next(iter(examples.values()))
    _check(http.post(ADAPT, **form({"one": files})), 422, "invalid-examples", "1 different label;")
    seven = {f"class {index}": files[:1] for index in range(7)}
    _check(http.post(ADAPT, **form(seven)), 422, "invalid-examples", "7 different labels")


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"], []])
def test_labels_and_files_come_in_pairs(http: httpx.Client, examples: Examples, labels: list[str]) -> None:
    files = [("examples", ("e.png", file)) for file in next(iter(examples.values()))[:2]]
    response = http.post(ADAPT, data={"model": "small", "labels": labels}, files=files)
    _check(response, 400, "unpaired-examples", "2 files", f"{len(labels)} texts")


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
JSON = {"Content-Type": "application/json"}
BAD_BODIES = {
    "nothing": ({}, 400, "empty-request"),
    "empty JSON": ({"headers": JSON}, 400, "empty-request"),
    "empty form": ({"headers": MULTIPART, "content": b"--b--\r\n"}, 400, "empty-request"),
    "no examples": ({"json": {"model": "small", "examples": []}}, 400, "empty-request"),
    "no model": ({"json": {"examples": []}}, 422, "invalid-request"),
    "no boundary": (
        {"headers": {"Content-Type": "multipart/form-data"}, "content": b"x"}, 400, "malformed-request",
    ),
    "no form": ({"headers": MULTIPART, "content": b"x"}, 400, "malformed-request"),
    "no JSON": ({"headers": JSON, "content": b'{"model": '}, 400, "malformed-json"),
    "half a character": ({"headers": JSON, "content": b'{"model": "\\ud800"}'}, 400, "malformed-json"),
    "a list": ({"json": []}, 422, "invalid-request"),
    "NaN": (
        {"headers": JSON, "content": b'{"model": "small", "lam": NaN, "examples": []}'},
        422,
        "invalid-request",
    ),
    "no base64": (
        {"json": {"model": "small", "examples": [{"label": "a", "image": "data:image/png;base64,AAAAA"}]}},
        422,
        "invalid-request",
    ),
    "other type": (
        {"headers": {"Content-Type": "text/plain"}, "content": b"x"}, 415, "unsupported-media-type",
    ),
    "other form": ({"data": {"model": "small"}}, 415, "unsupported-media-type"),
    "field twice": (
        {"data": {"model": ["small", "small"], "labels": ["a"]}, "files": [("examples", ("a.png", b"x"))]},
        400,
        "malformed-request",
    ),
    "text for a file": (
        {"files": [("model", (None, "small")), ("labels", (None, "a")), ("examples", (None, "x"))]},
        400,
        "malformed-request",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "status", "kind"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_body_is_told(http: httpx.Client, request_: dict[str, object], status: int, kind: str) -> None:
    _check(http.post(ADAPT, **request_), status, kind)


def test_form_that_is_cut_off_is_no_smaller_form(http: httpx.Client, examples: Examples) -> None:
    whole = httpx.Request("POST", f"{http.base_url}{ADAPT}", **form(examples))
    content = b"".join(whole.stream)
    for cut in (content[: len(content) // 2], content[:-10]):
        response = http.post(ADAPT, content=cut, headers={"Content-Type": whole.headers["Content-Type"]})
        _check(response, 400, "malformed-request", "last boundary")


def test_json_of_very_many_values_is_not_read(http: httpx.Client, examples: Examples) -> None:
    content = b'{"model": "small", "junk": [' + b"1," * 1_000_001 + b"1]}"
    _check(http.post(ADAPT, content=content, headers=JSON), 413, "too-many", "1,000,000 values")
    adaptation = http.post(ADAPT, **form(examples)).json()["id"]
    refused = http.post(f"/v2/models/{adaptation}/infer", content=content)
    assert (refused.status_code, "1,000,000 values" in refused.json()["error"]) == (413, True)


def test_labels_that_look_the_same_are_one_class(http: httpx.Client, examples: Examples) -> None:
    first, second, *_ = examples.values()
    pairs = [("caf\u00e9", first[0]), (" cafe\u0301 ", first[1]), ("tea", second[0])]
    files = [("examples", ("e.png", file)) for _, file in pairs]
    labels = [label for label, _ in pairs]
    response = http.post(ADAPT, data={"model": "small", "labels": labels}, files=files)
    assert response.json()["classes"] == ["caf\u00e9", "tea"]


def test_unknown_things_are_404(http: httpx.Client) -> None:
    _check(http.get("/v1/nothing"), 404, "not-found", "/v1/nothing")
    _check(http.get(f"{ADAPT}/"), 404, "not-found")
    _check(http.get(f"{ADAPT}/0"), 404, "unknown-adaptation", '"0"')
    _check(http.post(f"{ADAPT}/0/predictions", files={"images": b"x"}), 404, "unknown-adaptation")
    _check(http.get("/v1/models/none"), 404, "unknown-model", "none", "small")
    _check(http.get("/v1/models/small:9"), 404, "unknown-model")
    _check(http.get("/v1/experiments/0"), 404, "unknown-experiment")
    _check(http.get("/v1/experiments/0/metrics"), 404, "unknown-experiment")


def test_what_a_database_could_not_be_asked_for_is_unknown_or_refused(http: httpx.Client) -> None:
    for path in (f"{ADAPT}/%00", "/v1/experiments/%00/metrics", "/v1/jobs/%00", "/v1/models/small%00"):
        assert http.get(path).status_code == 404
    assert http.post("/v2/models/%00/infer", content=b"{}").status_code == 404
    body = {"model": "small@\0", "examples": [{"label": "a", "image": "AAAA"}]}
    _check(http.post(ADAPT, json=body), 404, "unknown-model")
    for name in ("algorithm", "dataset", "tag", "q"):
        _check(http.get("/v1/experiments", params={name: "\0"}), 422, "invalid-request", name)
    _check(http.patch(f"/v1/experiments/{NOBODY}", json={"notes": "\0"}), 422, "invalid-request", "notes")
    for key in ("\0", "\ud800"):
        cursor = base64.urlsafe_b64encode(json.dumps([key]).encode()).decode()
        _check(http.get(ADAPT, params={"cursor": cursor}), 422, "invalid-value", "Cursor")


def test_json_is_taken_as_it_is_written(http: httpx.Client, examples: Examples) -> None:
    sent = [
        {"label": label, "image": base64.b64encode(files[0]).decode()} for label, files in examples.items()
    ]
    body = {"model": "small", "examples": sent}
    for name, value in (("store_examples", 0), ("store_examples", "true"), ("lam", "1"), ("max_steps", True)):
        _check(http.post(ADAPT, json={**body, name: value}), 422, "invalid-request", name)
    assert http.post(ADAPT, json={**body, "max_steps": 1.0, "lam": 1}).status_code == 201
    _check(http.post(ADAPT, **form(examples, store_examples="1")), 422, "invalid-request", "store_examples")
    assert http.post(ADAPT, **form(examples, store_examples="False")).status_code == 201


def test_file_comes_with_no_unknown_field(http: httpx.Client, queries: list[bytes]) -> None:
    response = http.post("/v1/preprocess", files={"image": queries[0]}, data={"modle": "small"})
    _check(response, 422, "invalid-request", "modle")


def test_bad_parameters_are_422(http: httpx.Client) -> None:
    _check(http.get(ADAPT, params={"cursor": "?"}), 422, "invalid-value", "cursor")
    _check(http.get(ADAPT, params={"limit": 0}), 422, "invalid-request", "limit")
    _check(http.get("/v1/experiments", params={"sort": "colour"}), 422, "invalid-request", "sort")
    _check(http.get("/v1/models/small/episode", params={"ways": 1}), 422, "invalid-request", "ways")
    _check(http.get("/v1/models/small/episode", params={"ways": 7}), 422, "too-few-examples", "7 classes")
    _check(http.get("/v1/models/small/episode", params={"queries": 5}), 422, "too-few-examples", "6 examples")


def test_wrong_method_is_405(http: httpx.Client) -> None:
    response = http.put(ADAPT)
    _check(response, 405, "method-not-allowed", "PUT")
    assert response.headers["allow"] == "GET, POST"


def test_patch_takes_json_alone(http: httpx.Client) -> None:
    path = f"/v1/experiments/{NOBODY}"
    _check(
        http.patch(path, content=b"notes", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported-media-type",
    )
    _check(http.patch(path, content=b"{", headers=JSON), 400, "malformed-json")
    _check(http.patch(path, headers=JSON), 400, "empty-request")
    _check(http.patch(path, json={"colour": "red"}), 422, "invalid-request", "colour")


@pytest.mark.parametrize("path", [ADAPT, "/v1/preprocess"])
def test_compressed_body_is_415(http: httpx.Client, path: str) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    _check(http.post(path, content=b"x", headers=headers), 415, "unsupported-encoding", "'gzip'")


@pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_bundle_of_a_type_that_any_page_may_send_is_415(
    http: httpx.Client, model_file: bytes, type_: str
) -> None:
    response = http.post("/v1/models", content=model_file, headers={"Content-Type": type_} if type_ else {})
    _check(response, 415, "unsupported-media-type", "application/zip")


class TestLimits:
    """What is too much, where little is allowed."""

    @pytest.fixture
    def small(self, serve: Serve, shared_database_url: str) -> Iterator[httpx.Client]:
        """A service that takes little."""
        settings = Settings(
            database_url=shared_database_url,
            max_body_bytes=20_000,
            max_examples=4,
            max_predictions=2,
            max_pixels=100,
            max_classes=2,
        )
        with serve(settings) as url, httpx.Client(base_url=url, timeout=60) as http:
            yield http
            assert http.get("/healthz").is_success

    def test_large_body_is_refused_whether_or_not_it_tells_its_size(self, small: httpx.Client) -> None:
        large = b"--b\r\nContent-Disposition: form-data; name=model\r\n\r\n" + b"x" * 20_001
        for headers in (JSON, MULTIPART, {"Content-Type": "text/plain"}):
            _check(small.post(ADAPT, content=large, headers=headers), 413, "body-too-large", "20000")
            _check(
                small.post(ADAPT, content=iter([large[:10_000], large[10_000:]]), headers=headers),
                413,
                "body-too-large",
            )
        _check(small.patch("/v1/experiments/0", content=large, headers=JSON), 413, "body-too-large")
        zipped = {"Content-Type": "application/zip"}
        _check(small.post("/v1/models", content=large, headers=zipped), 413, "body-too-large")

    def test_stated_size_is_refused_before_anything_is_read(self, small: httpx.Client) -> None:
        address = (small.base_url.host, small.base_url.port or 0)
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(
                b"POST /v1/adaptations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 20001\r\n\r\n"
            )
            assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")

    def test_too_many_files_are_refused(self, small: httpx.Client, examples: Examples) -> None:
        five = {label: files[:2] for label, files in examples.items()}
        _check(small.post(ADAPT, **form({"a": five["character 0"], "b": [b"x"] * 3})), 413, "too-many", "4")
        _check(small.post(ADAPT, **form({"a": [b"x"] * 40})), 413, "too-many")
        many = [{"label": "a", "image": "AAAA"}] * 5
        _check(small.post(ADAPT, json={"model": "small", "examples": many}), 413, "too-many", "4")

    def test_too_many_classes_are_refused(self, small: httpx.Client, examples: Examples) -> None:
        three = {label: files[:1] for label, files in list(examples.items())[:3]}
        _check(small.post(ADAPT, **form(three)), 413, "too-many", "3 classes; 2 are allowed")

    def test_too_many_pixels_are_refused(self, small: httpx.Client) -> None:
        buffer = io.BytesIO()
        Image.new("L", (11, 10)).save(buffer, "PNG")
        _check(small.post("/v1/preprocess", content=buffer.getvalue()), 413, "image-too-large", "11 x 10")

    def test_limits_in_force_are_told(self, small: httpx.Client) -> None:
        limits = small.get("/v1/limits").json()
        assert limits["max_body_bytes"] == 20_000
        assert (limits["max_examples"], limits["max_predictions"], limits["max_pixels"]) == (4, 2, 100)
        assert json.dumps(limits)
