"""Models on photographs, on vectors and for regression, and every solver: taught, stored, extended, asked."""

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from imaml.client import ApiError, Client, ClientError
from imaml.runtime.inputs import Photos
from imaml.runtime.recipe import SOLVERS
from tests.models import class_vectors
from tests.services import Examples

VECTORS = class_vectors(3, 6, seed=5)
VECTOR_EXAMPLES = {f"class {k}": rows[:3] for k, rows in enumerate(VECTORS)}
ANGLES = np.linspace(-3, 3, 10, dtype=np.float32)[:, None]
POINTS = [(angle, float(np.sin(angle[0]))) for angle in ANGLES]


def photo(colour: str) -> bytes:
    """A photograph that is almost all of one colour."""
    buffer = io.BytesIO()
    image = Image.new("RGB", (40, 24), colour)
    image.putpixel((20, 12), (9, 9, 9))
    image.save(buffer, "PNG")
    return buffer.getvalue()


PHOTO_EXAMPLES = {"red": [photo("red"), photo("darkred")], "blue": [photo("blue"), photo("darkblue")]}


def post(kinds: Client, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{kinds.url}{path}", json=body, timeout=60)


def test_models_say_what_to_send_and_not_how_it_is_scaled(kinds: Client) -> None:
    shown = {model.name: (model.task, model.input, model.takes_images) for model in kinds.models()}
    assert shown["vectors"] == ("classification", {"kind": "vector", "length": 4}, False)
    assert shown["sines"] == ("regression", {"kind": "vector", "length": 1}, False)
    assert shown["photos"] == ("classification", Photos(3, 16, 16).describe(), True)
    assert shown["small"][0] == "classification"


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_can_be_asked_for(kinds: Client, examples: Examples, solver: str) -> None:
    adaptation = kinds.adapt("newton", examples, solver=solver, max_steps=2, inner_lr=0.02)
    assert (adaptation.recipe.solver, adaptation.solution.steps) == (solver, 2)
    assert adaptation.recipe.validated == (solver == "newton_cg" and adaptation.recipe.inner_lr == 0.1)
    assert adaptation.recipe.cg_steps == 3


def test_solver_that_a_model_has_no_graph_for_is_refused(kinds: Client, examples: Examples) -> None:
    with pytest.raises(ApiError, match="ask for one of gradient_descent") as error:
        kinds.adapt("small", examples, solver="newton_cg")
    assert (error.value.status, error.value.type) == (422, "/problems/invalid-recipe")


def test_vectors_are_taught_and_told_apart(kinds: Client) -> None:
    adaptation = kinds.adapt("vectors", VECTOR_EXAMPLES)
    assert adaptation.classes == sorted(VECTOR_EXAMPLES)
    assert adaptation.solution.support_accuracy == 1
    for k in range(3):
        answers = kinds.predict(adaptation.id, VECTORS[k, 3:])
        assert [answer.label for answer in answers] == [f"class {k}"] * 3
    alone = kinds.predict(adaptation.id, [VECTORS[0, 3].tolist()])
    assert alone[0].probabilities == pytest.approx(
        kinds.predict(adaptation.id, VECTORS[0, 3:])[0].probabilities, abs=1e-5
    )


def test_stored_vectors_are_shown_and_extended(kinds: Client) -> None:
    first = {label: VECTOR_EXAMPLES[label] for label in ("class 0", "class 1")}
    before = kinds.adapt("vectors", first)
    shown = kinds.examples(before.id)
    assert [example.label for example in shown] == ["class 0"] * 3 + ["class 1"] * 3
    assert np.array_equal(np.array([e.input for e in shown], np.float32), VECTORS[:2, :3].reshape(6, 4))
    assert all(example.image is None for example in shown)
    after = kinds.add_examples(before.id, {"class 2": VECTOR_EXAMPLES["class 2"]})
    assert after.solution.trace == kinds.adapt("vectors", VECTOR_EXAMPLES).solution.trace


def test_answers_hold_no_fields_of_other_kinds(kinds: Client) -> None:
    vectors, sines = kinds.adapt("vectors", VECTOR_EXAMPLES), kinds.adapt("sines", POINTS)
    for adaptation, fields in ((vectors, {"label", "input"}), (sines, {"target", "input"})):
        answer = httpx.get(f"{kinds.url}/v1/adaptations/{adaptation.id}/examples").json()
        assert answer.keys() == {"items", "next_cursor"}
        assert all(item.keys() == fields for item in answer["items"])


def test_episode_of_vectors_can_be_taught_and_asked(kinds: Client) -> None:
    episode = kinds.episode("vectors", ways=3, shots=3, queries=2, seed=1)
    assert episode == kinds.episode("vectors", ways=3, shots=3, queries=2, seed=1)
    pairs = [(example.input, example.label) for example in episode.support]
    assert all(len(vector) == 4 for vector, _ in pairs)
    adaptation = kinds.adapt("vectors", pairs)
    answers = kinds.predict(adaptation.id, [example.input for example in episode.query])
    assert [answer.label for answer in answers] == [example.label for example in episode.query]


def test_numbers_are_learned_and_predicted(kinds: Client) -> None:
    adaptation = kinds.adapt("sines", POINTS, max_steps=300)
    assert (adaptation.classes, adaptation.unknown_threshold) == ([], None)
    assert adaptation.solution.support_accuracy is None
    values = kinds.predict_numbers(adaptation.id, ANGLES)
    error = np.mean((np.array(values) - np.sin(ANGLES[:, 0])) ** 2)
    assert error / 2 == pytest.approx(adaptation.solution.support_loss, rel=1e-3)
    assert error < 0.1
    answer = post(
        kinds, f"/v1/adaptations/{adaptation.id}/predictions", {"inputs": [{"input": [0.5]}]}
    ).json()
    assert [prediction.keys() for prediction in answer["predictions"]] == [{"value"}]
    more = kinds.add_examples(adaptation.id, [([3.5], -0.35)])
    assert [example.target for example in kinds.examples(more.id)] == [*(y for _, y in POINTS), -0.35]


def test_classes_and_numbers_are_asked_for_by_their_own_names(kinds: Client) -> None:
    sines, vectors = kinds.adapt("sines", POINTS), kinds.adapt("vectors", VECTOR_EXAMPLES)
    with pytest.raises(ClientError, match="predict_numbers"):
        kinds.predict(sines.id, ANGLES)
    with pytest.raises(ClientError, match="ask with predict"):
        kinds.predict_numbers(vectors.id, VECTORS[0])


def test_photographs_are_taught_in_their_colours(kinds: Client) -> None:
    adaptation = kinds.adapt("photos", PHOTO_EXAMPLES)
    answers = kinds.predict(adaptation.id, [photo("#f01010"), photo("#1010f0")])
    assert [answer.label for answer in answers] == ["red", "blue"]
    shown = kinds.examples(adaptation.id)
    assert shown[0].image == kinds.preprocess(photo("red"), "photos")
    with Image.open(io.BytesIO(shown[0].image or b"")) as image:
        assert (image.mode, image.size) == ("RGB", (16, 16))
    with Image.open(io.BytesIO(kinds.preprocess(photo("red")))) as image:
        assert (image.mode, image.size) == ("L", (28, 28))
    more = kinds.add_examples(adaptation.id, {"green": [photo("green")]})
    assert more.classes == ["blue", "green", "red"]


def test_blank_photographs_are_named_and_constant_vectors_are_not(kinds: Client) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), "white").save(buffer, "PNG")
    blank = kinds.adapt("photos", {**PHOTO_EXAMPLES, "white": [buffer.getvalue()]})
    assert [warning for warning in blank.warnings if "examples[4]" in warning and "blank" in warning]
    assert kinds.adapt("vectors", {"a": [[0.0] * 4], "b": [[1.0] * 4]}).warnings == []
    same = kinds.adapt("vectors", {"a": [[1.0] * 4], "b": [[1.0] * 4]})
    assert "look the same" in same.warnings[0]
    assert kinds.adapt("sines", [([1.0], 1.0), ([1.0], 2.0)]).warnings == []


VECTOR, NUMBER = {"input": [1, 2, 3, 4], "label": "a"}, {"input": [1], "target": 1}
IMAGE = {"image": "AAAA", "label": "a"}
MISFITS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "an image for a vector": ("vectors", IMAGE, "image", "send 4 numbers as input"),
    "a vector for an image": ("small", VECTOR, "input", "send an image file"),
    "too short": ("vectors", {**VECTOR, "input": [1, 2, 3]}, "input", "it has 3 numbers"),
    "too long": ("vectors", {**VECTOR, "input": [1] * 5}, "input", "takes vectors of 4"),
    "empty": ("vectors", {**VECTOR, "input": []}, "input", "it has 0 numbers"),
    "too large": ("vectors", {**VECTOR, "input": [1, 2, 3, 1e300]}, "input", "beyond 3.4e+38"),
    "no number": ("vectors", {**VECTOR, "input": [1, 2, 3, "x"]}, "input.3", "number"),
    "a target for a label": ("vectors", {"input": [1] * 4, "target": 1}, "target", "as label"),
    "a label for a target": ("sines", {"input": [1], "label": "a"}, "label", "as target"),
    "a target too large": ("sines", {"input": [1], "target": -1e300}, "target", "beyond 3.4e+38"),
    "both kinds": ("vectors", {**VECTOR, "image": "AAAA"}, "", "either an image or an input"),
    "neither kind": ("vectors", {"label": "a"}, "", "either an image or an input"),
    "both answers": ("sines", {**NUMBER, "label": "a"}, "", "either a label or a target"),
    "no answer": ("sines", {"input": [1]}, "", "either a label or a target"),
}


@pytest.mark.parametrize(("model", "example", "field", "message"), MISFITS.values(), ids=MISFITS)
def test_example_that_does_not_fit_the_model_is_named(
    kinds: Client, model: str, example: dict[str, Any], field: str, message: str
) -> None:
    good = {"vectors": VECTOR, "sines": NUMBER, "small": IMAGE}[model]
    response = post(kinds, "/v1/adaptations", {"model": model, "examples": [good, example]})
    problem = response.json()
    assert (response.status_code, problem["type"]) == (422, "/problems/invalid-request"), problem
    place = f"examples.1.{field}".rstrip(".")
    assert place in problem["errors"]
    assert message in problem["errors"][place]
    assert place in problem["detail"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(kinds: Client, number: str) -> None:
    adaptation = kinds.adapt("vectors", VECTOR_EXAMPLES)
    body = '{"model": "vectors", "examples": [{"label": "a", "input": [1, 2, 3, NUMBER]}]}'
    asked = '{"inputs": [{"input": [1, 2, 3, NUMBER]}]}'
    for path, content in (("", body), (f"/{adaptation.id}/predictions", asked)):
        response = httpx.post(
            f"{kinds.url}/v1/adaptations{path}",
            content=content.replace("NUMBER", number),
            headers={"Content-Type": "application/json"},
        )
        assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-request")
        assert any(place.endswith("0.input.3") for place in response.json()["errors"])


def test_input_that_does_not_fit_the_adaptation_is_named(kinds: Client) -> None:
    adaptation = kinds.adapt("vectors", VECTOR_EXAMPLES)
    path = f"/v1/adaptations/{adaptation.id}/predictions"
    for wrong, field in (({"image": "AAAA"}, "image"), ({"input": [1]}, "input")):
        response = post(kinds, path, {"inputs": [{"input": [1, 2, 3, 4]}, wrong]})
        assert (response.status_code, list(response.json()["errors"])) == (422, [f"inputs.1.{field}"])
    files = {"images": ("a.png", photo("red"))}
    assert httpx.post(f"{kinds.url}{path}", files=files).status_code == 422


def test_only_models_on_images_preprocess(kinds: Client) -> None:
    with pytest.raises(ApiError, match="takes vectors") as error:
        kinds.preprocess(photo("red"), "vectors")
    assert error.value.status == 422
    with pytest.raises(ApiError) as error:
        kinds.preprocess(photo("red"), "nobody")
    assert (error.value.status, error.value.type) == (404, "/problems/unknown-model")


def test_model_of_any_kind_can_be_brought(kinds: Client) -> None:
    for name in ("newton", "photos", "vectors", "sines"):
        assert kinds.upload_model(kinds.bundle(name), f"{name} again").version == 1
