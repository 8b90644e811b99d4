"""The Open Inference Protocol, by Triton's client and by hand: the same answers, and its errors."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from backend.settings import Settings
from imaml.client import Adaptation, Client
from imaml.runtime.inputs import Drawings, Photos
from imaml.store import Store
from tests.backend.test_kinds import ANGLES, PHOTO_EXAMPLES, POINTS, VECTOR_EXAMPLES, VECTORS, photo
from tests.services import Examples, Serve

JSON_LENGTH = "Inference-Header-Content-Length"
PIXELS = {"name": "pixels", "shape": [1, 1, 28, 28], "datatype": "FP32"}
VECTOR = {"name": "vectors", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}


def connected(url: str) -> InferenceServerClient:
    return InferenceServerClient(url.removeprefix("http://"))


@pytest.fixture
def triton(every_kind_url: str) -> Iterator[InferenceServerClient]:
    with connected(every_kind_url) as triton:
        yield triton


@pytest.fixture
def drawn(kinds: Client, examples: Examples) -> Adaptation:
    return kinds.adapt("small", examples)


@pytest.fixture
def vectors(kinds: Client) -> Adaptation:
    return kinds.adapt("vectors", VECTOR_EXAMPLES)


def tensor(name: str, array: NDArray[Any], *, binary: bool = True) -> InferInput:
    made = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    return made.set_data_from_numpy(array, binary_data=binary)


def as_texts(files: list[bytes]) -> NDArray[Any]:
    return np.array([base64.b64encode(file).decode() for file in files], object)


def infer(triton: InferenceServerClient, adaptation: Adaptation, *inputs: InferInput) -> dict[str, Any]:
    """What is answered, in binary; and in JSON, which must be the same."""
    names = [output["name"] for output in triton.get_model_metadata(adaptation.id)["outputs"]]
    in_json = [InferRequestedOutput(name, binary_data=False) for name in names]
    results = triton.infer(adaptation.id, inputs), triton.infer(adaptation.id, inputs, outputs=in_json)
    binary, plain = ({name: result.as_numpy(name) for name in names} for result in results)
    for name in names:
        decoded = [str(text, "utf-8") for text in binary[name]] if name == "label" else binary[name]
        assert np.array_equal(decoded, plain[name])
    return plain


def check(kinds: Client, adaptation: Adaptation, sent: Any, found: dict[str, Any]) -> None:
    """That these are the answers of /v1."""
    answers = kinds.predict(adaptation.id, sent)
    assert found["label"].tolist() == [answer.label for answer in answers]
    assert found["unknown"].tolist() == [answer.unknown for answer in answers]
    assert found["probabilities"].dtype == np.float32
    assert found["probabilities"].tolist() == [list(answer.probabilities.values()) for answer in answers]


def test_images_and_their_pixels_are_answered_as_predictions_are(
    kinds: Client, triton: InferenceServerClient, drawn: Adaptation, queries: list[bytes]
) -> None:
    pixels = Drawings().to_input(Drawings().read(queries))
    for sent in (
        tensor("images", np.array(queries, object)),
        tensor("images", as_texts(queries), binary=False),
        tensor("pixels", pixels),
        tensor("pixels", pixels, binary=False),
    ):
        check(kinds, drawn, queries, infer(triton, drawn, sent))


def test_what_is_unknown_to_predictions_is_so_to_tensors(
    api_url: str, client: Client, shared_store: Store, examples: Examples, queries: list[bytes]
) -> None:
    adaptation = client.adapt("small", examples)
    similarities = [answer.similarity for answer in client.predict(adaptation.id, queries)]
    with shared_store.transaction() as transaction:
        transaction.adaptations.get(adaptation.id).unknown_threshold = float(np.median(similarities))
    with connected(api_url) as triton:
        found = infer(triton, adaptation, tensor("images", np.array(queries, object)))
    check(client, adaptation, queries, found)
    assert set(found["unknown"]) == {True, False}


def test_photographs_and_their_pixels_are_answered_as_predictions_are(
    kinds: Client, triton: InferenceServerClient
) -> None:
    adaptation = kinds.adapt("photos", PHOTO_EXAMPLES)
    files = [photo("#f01010"), photo("#1010f0")]
    seen = Photos(3, 16, 16)
    for sent in (
        tensor("images", np.array(files, object)),
        tensor("pixels", seen.to_input(seen.read(files))),
    ):
        check(kinds, adaptation, files, infer(triton, adaptation, sent))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("binary", [True, False])
def test_vectors_are_answered_as_predictions_are(
    kinds: Client, triton: InferenceServerClient, vectors: Adaptation, dtype: type, binary: bool
) -> None:
    rows = VECTORS[:, 3:].reshape(9, 4)
    found = infer(triton, vectors, tensor("vectors", rows.astype(dtype), binary=binary))
    check(kinds, vectors, rows, found)


def test_numbers_are_answered_as_predictions_are(kinds: Client, triton: InferenceServerClient) -> None:
    adaptation = kinds.adapt("sines", POINTS)
    found = infer(triton, adaptation, tensor("vectors", ANGLES))
    assert found["value"].tolist() == kinds.predict_numbers(adaptation.id, ANGLES)
    assert triton.get_model_metadata(adaptation.id)["outputs"] == [
        {"name": "value", "datatype": "FP32", "shape": [-1]}
    ]


def test_nested_data_is_taken_as_flat_data_is(every_kind_url: str, vectors: Adaptation) -> None:
    path = f"{every_kind_url}/v2/models/{vectors.id}/infer"
    rows = VECTORS[0, :2].tolist()
    nested, flat = (
        httpx.post(path, json={"inputs": [{**VECTOR, "shape": [2, 4], "data": data}]}).json()
        for data in (rows, [*rows[0], *rows[1]])
    )
    assert nested == flat
    assert [output["shape"] for output in flat["outputs"]] == [[2], [2, 3], [2]]
    assert flat.keys() == {"model_name", "model_version", "outputs"}
    assert flat["outputs"][0] == {
        "name": "label", "datatype": "BYTES", "shape": [2], "data": ["class 0", "class 0"],
    }  # fmt: skip


def test_server_and_models_tell_what_they_are(triton: InferenceServerClient, drawn: Adaptation) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    server = triton.get_server_metadata()
    assert (server["name"], server["extensions"]) == ("imaml", ["binary_tensor_data"])
    assert triton.is_model_ready(drawn.id)
    assert triton.is_model_ready(drawn.id, "1")
    assert not triton.is_model_ready(drawn.id, "2")
    assert not triton.is_model_ready("nobody")
    model = triton.get_model_metadata(drawn.id)
    assert model == triton.get_model_metadata(drawn.id, "1")
    assert (model["name"], model["versions"]) == (drawn.id, ["1"])
    assert model["inputs"] == [
        {"name": "images", "datatype": "BYTES", "shape": [-1]},
        {"name": "pixels", "datatype": "FP32", "shape": [-1, 1, 28, 28]},
    ]
    assert model["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(drawn.classes)]},
        {"name": "unknown", "datatype": "BOOL", "shape": [-1]},
    ]


def test_service_without_a_model_is_live_but_not_ready(serve: Serve, empty_database_url: str) -> None:
    with (
        serve(Settings(database_url=empty_database_url)) as url,
        connected(url) as triton,
    ):
        assert triton.is_server_live()
        assert not triton.is_server_ready()
        refused = httpx.get(f"{url}/v2/health/ready")
        assert refused.status_code == 503
        assert "imaml db upgrade" in refused.json()["error"]


def test_outputs_are_those_asked_for_each_in_its_form(
    triton: InferenceServerClient, drawn: Adaptation, queries: list[bytes]
) -> None:
    sent = tensor("images", np.array(queries, object))
    asked = [InferRequestedOutput("unknown", binary_data=False), InferRequestedOutput("label")]
    result = triton.infer(drawn.id, [sent], model_version="1", outputs=asked, request_id="mine")
    response = result.get_response()
    assert (response["id"], response["model_version"]) == ("mine", "1")
    in_json, binary = response["outputs"]
    assert (in_json["name"], in_json["data"]) == ("unknown", result.as_numpy("unknown").tolist())
    assert binary["name"] == "label"
    assert "data" not in binary
    assert set(map(bytes.decode, result.as_numpy("label"))) <= set(drawn.classes)
    assert result.as_numpy("probabilities") is None


def test_what_is_wrong_is_an_exception_with_a_sentence(
    triton: InferenceServerClient, drawn: Adaptation, queries: list[bytes]
) -> None:
    images = tensor("images", np.array(queries[:1], object))
    pixels = np.zeros((1, 1, 28, 28), np.float32)
    both = [images, tensor("pixels", pixels)]
    for status, sentence, call in (
        (404, 'No adaptation "nobody"', lambda: triton.infer("nobody", [images])),
        (404, "no version '2'", lambda: triton.infer(drawn.id, [images], model_version="2")),
        (404, 'No adaptation "nobody"', lambda: triton.get_model_metadata("nobody")),
        (404, "There is nothing at /v2/logging", triton.get_log_settings),
        (415, "compressed as 'gzip'", lambda: infer_compressed(triton, drawn, images)),
        (415, "images[0]: ", lambda: infer(triton, drawn, tensor("images", np.array([b"text"], object)))),
        (422, "send one, images or pixels", lambda: triton.infer(drawn.id, both)),
        (422, "'pixels' is FP64 of shape [1, 1, 28, 27]; it must be FP32 of shape [n, 1, 28, 28].",
         lambda: infer(triton, drawn, tensor("pixels", np.zeros((1, 1, 28, 27))))),
        (413, "257 rows; send 256", lambda: infer(triton, drawn, tensor("pixels", pixels.repeat(257, 0)))),
        (400, "neither classification nor shared memory", lambda: triton.infer(
            drawn.id, [images], outputs=[InferRequestedOutput("label", class_count=2)])),
        (422, "no output 'logits'; ask for label or", lambda: triton.infer(
            drawn.id, [images], outputs=[InferRequestedOutput("logits")])),
    ):  # fmt: skip
        with pytest.raises(InferenceServerException) as error:
            call()
        assert error.value.status() == str(status)
        assert sentence in error.value.message()


def infer_compressed(triton: InferenceServerClient, adaptation: Adaptation, sent: InferInput) -> object:
    return triton.infer(adaptation.id, [sent], request_compression_algorithm="gzip")


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01, 255])
def test_pixels_are_between_0_and_1(triton: InferenceServerClient, drawn: Adaptation, value: float) -> None:
    pixels = np.zeros((2, 1, 28, 28), np.float32)
    pixels[1, 0, 3, 4] = value
    for dtype in (np.float32, np.float64):
        with pytest.raises(
            InferenceServerException, match="'pixels' has values that are not between 0 and 1"
        ):
            infer(triton, drawn, tensor("pixels", pixels.astype(dtype)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_vectors_are_numbers_of_32_bits(
    triton: InferenceServerClient, vectors: Adaptation, value: float
) -> None:
    with pytest.raises(InferenceServerException, match="'vectors' has values that are no numbers of 32 bits"):
        infer(triton, vectors, tensor("vectors", np.array([[1, 2, 3, value]], np.float64)))


BAD_REQUESTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no inputs": ({}, 422, "inputs: Field required"),
    "none": ({"inputs": []}, 422, "The inputs are none; send one, vectors."),
    "twice": ({"inputs": [VECTOR, VECTOR]}, 422, "The inputs are vectors, vectors; send one, vectors."),
    "of another model": ({"inputs": [PIXELS]}, 422, "The inputs are pixels; send one, vectors."),
    "no data": ({"inputs": [{**VECTOR, "data": None}]}, 400, "either data or a binary_data_size"),
    "no rows": ({"inputs": [{**VECTOR, "shape": [0, 4], "data": []}]}, 400, "'vectors' has no rows"),
    "no shape": ({"inputs": [{**VECTOR, "shape": []}]}, 422, "must be FP32 of shape [n, 4]"),
    "negative": ({"inputs": [{**VECTOR, "shape": [-1, 4]}]}, 422, "inputs.0.shape.0"),
    "huge": ({"inputs": [{**VECTOR, "shape": [10**30, 4]}]}, 413, "send 256 at most"),
    "half": ({"inputs": [{**VECTOR, "shape": [1.5, 4]}]}, 422, "inputs.0.shape.0"),
    "too long": ({"inputs": [{**VECTOR, "shape": [1, 5]}]}, 422, "must be FP32 of shape [n, 4]"),
    "too deep": ({"inputs": [{**VECTOR, "shape": [1] * 5}]}, 422, "inputs.0.shape"),
    "whole": ({"inputs": [{**VECTOR, "datatype": "INT64"}]}, 422, "is INT64 of shape [1, 4]; it must be"),
    "too few": ({"inputs": [{**VECTOR, "data": [1, 2, 3]}]}, 400, "has 3 elements; its shape [1, 4] has 4"),
    "ragged": (
        {"inputs": [{**VECTOR, "shape": [2, 4], "data": [[1] * 3, [1] * 5]}]}, 400, "neither flat nor nested",
    ),
    "texts": ({"inputs": [{**VECTOR, "data": ["1"] * 4}]}, 400, "of another kind than numbers"),
    "truths": ({"inputs": [{**VECTOR, "data": [True] * 4}]}, 400, "of another kind than numbers"),
    "nested too deep": ({"inputs": [{**VECTOR, "data": [[[1, 2, 3, 4]]]}]}, 400, "neither flat nor nested"),
    "too large": ({"inputs": [{**VECTOR, "data": [10**400] * 4}]}, 400, "whole number that is too large"),
    "no number": ({"inputs": [{**VECTOR, "data": [1, 2, 3, float("nan")]}]}, 422, "no numbers of 32 bits"),
    "binary size": (
        {"inputs": [{**VECTOR, "parameters": {"binary_data_size": -1}}]}, 422, "binary_data_size",
    ),
    "binary without": (
        {"inputs": [{**VECTOR, "data": None, "parameters": {"binary_data_size": 16}}]},
        400, "'vectors' has a binary_data_size of 16, but 0 bytes are left.",
    ),
    "binary form": (
        {"inputs": [VECTOR], "outputs": [{"name": "label", "parameters": {"binary_data": "yes"}}]},
        422, "outputs.0.parameters.binary_data",
    ),
    "no text": ({"inputs": [VECTOR], "id": 5}, 422, "id: "),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "sentence"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_bad_request_is_an_error_that_says_so(
    every_kind_url: str, vectors: Adaptation, body: dict[str, Any], status: int, sentence: str
) -> None:
    path = f"{every_kind_url}/v2/models/{vectors.id}/infer"
    _refused(httpx.post(path, content=json.dumps(body)), status, sentence)


@pytest.mark.parametrize(
    ("content", "headers", "status", "sentence"),
    [
        (b"", {}, 400, "has no body"),
        (b"[" * 5000, {}, 400, "not JSON"),
        (b"\xff\xfe", {}, 400, "not JSON"),
        (b'{"id": "\\ud800", "inputs": []}', {}, 400, "not JSON"),
        (b'{"inputs": []}', {JSON_LENGTH: "15"}, 400, "is 15, but the body has 14 bytes."),
        (b'{"inputs": []}', {JSON_LENGTH: "9"}, 400, "not JSON"),
        (b'{"inputs": []}', {JSON_LENGTH: "-1"}, 422, JSON_LENGTH),
        (b'{"inputs": []}', {JSON_LENGTH: "many"}, 422, JSON_LENGTH),
        (b'{"inputs": []} more', {JSON_LENGTH: "14"}, 400, "5 bytes at the end of the body belong to no"),
    ],
)
def test_bytes_that_are_no_request_are_an_error_that_says_so(
    every_kind_url: str,
    vectors: Adaptation,
    content: bytes,
    headers: dict[str, str],
    status: int,
    sentence: str,
) -> None:
    path = f"{every_kind_url}/v2/models/{vectors.id}/infer"
    _refused(httpx.post(path, content=content, headers=headers), status, sentence)


def test_texts_that_are_no_base64_are_named(every_kind_url: str, drawn: Adaptation) -> None:
    sent = {"name": "images", "shape": [2], "datatype": "BYTES", "data": ["AAAA", "?"]}
    response = httpx.post(f"{every_kind_url}/v2/models/{drawn.id}/infer", json={"inputs": [sent]})
    _refused(response, 422, "images.1: it is not base64")


def test_errors_from_around_the_routes_have_the_protocols_form(every_kind_url: str) -> None:
    infer_path = f"{every_kind_url}/v2/models/nobody/infer"
    _refused(httpx.get(f"{every_kind_url}/v2", headers={"Origin": "http://evil.example"}), 403, "evil")
    _refused(httpx.get(infer_path), 405, "GET is not possible")
    assert httpx.get(f"{every_kind_url}/v22").json()["type"] == "/problems/not-found"


def test_body_beyond_the_limit_is_refused(every_kind_url: str, vectors: Adaptation) -> None:
    limit = httpx.get(f"{every_kind_url}/v1/limits").json()["max_body_bytes"]
    response = httpx.post(f"{every_kind_url}/v2/models/{vectors.id}/infer", content=bytes(limit + 1))
    _refused(response, 413, f"larger than {limit} bytes")


def test_schema_declares_the_request_and_its_errors(every_kind_url: str) -> None:
    schema = httpx.get(f"{every_kind_url}/openapi.json").json()
    ways = {path: way for path, way in schema["paths"].items() if path.startswith("/v2")}
    assert len(ways) == 9
    for operations in ways.values():
        for operation in operations.values():
            errors = [operation["responses"][status] for status in operation["responses"] if status >= "4"]
            for error in errors:
                assert error["content"]["application/json"]["schema"]["$ref"].endswith("/InferenceError")
    sent = ways["/v2/models/{adaptation_id}/infer"]["post"]["requestBody"]["content"]
    assert sent.keys() == {"application/json", "application/octet-stream"}
    name = sent["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert schema["components"]["schemas"][name]["required"] == ["inputs"]


def _refused(response: httpx.Response, status: int, sentence: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    assert sentence in response.json()["error"]
