"""What an adaptation says of itself: margins of its examples, its threshold, what is odd about it."""

from dataclasses import replace

import httpx
import numpy as np
import pytest

from imaml.client import ApiError, Client
from imaml.store import Bundle, Store, bundles
from tests.services import Examples, add_model


def test_a_planted_wrong_label_has_the_lowest_margin(client: Client, drawings: Examples) -> None:
    first, second, *others = drawings
    pairs = [(file, label) for label in (first, second, *others) for file in drawings[label][:4]]
    pairs.append((drawings[first][4], second))
    adaptation = client.adapt("small", pairs)
    examples = client.examples(adaptation.id, margins=True)
    margins = [example.margin for example in examples]
    assert all(margin is not None for margin in margins)
    assert int(np.argmin(np.array(margins, float))) == len(pairs) - 1
    assert (margins[-1] or 0) < 0
    assert [example.label for example in examples] == [label for _, label in pairs]


def test_an_example_alone_in_its_class_has_no_margin(
    client: Client, http: httpx.Client, drawings: Examples
) -> None:
    first, second, *_ = drawings
    adaptation = client.adapt("small", {first: drawings[first][:3], second: drawings[second][:1]})
    margins = [example.margin for example in client.examples(adaptation.id, margins=True)]
    assert [margin is None for margin in margins] == [False, False, False, True]
    plain = http.get(f"/v1/adaptations/{adaptation.id}/examples").json()["items"]
    assert all("margin" not in example for example in plain)


def test_the_threshold_is_refined_on_request_and_used_from_then_on(
    client: Client, shared_store: Store, examples: Examples, queries: list[bytes]
) -> None:
    adaptation = client.adapt("small", examples)
    refined = client.refine_threshold(adaptation.id)
    assert refined.unknown_threshold != adaptation.unknown_threshold
    assert 0 < (refined.unknown_threshold or 0) < 1
    assert client.adaptation(adaptation.id) == refined
    with shared_store.transaction() as transaction:
        transaction.adaptations.get(adaptation.id).unknown_threshold = 1.1
    assert all(prediction.unknown for prediction in client.predict(adaptation.id, queries))


def test_a_threshold_is_refined_for_classes_of_two_examples_or_more(
    client: Client, drawings: Examples
) -> None:
    first, second, *_ = drawings
    adaptation = client.adapt("small", {first: drawings[first][:3], second: drawings[second][:1]})
    with pytest.raises(ApiError, match=f"'{second}' has one example") as error:
        client.refine_threshold(adaptation.id)
    assert (error.value.status, error.value.type) == (422, "/problems/too-few-examples")


def test_classes_of_uneven_size_weigh_the_same_and_the_answer_says_so(
    client: Client, drawings: Examples
) -> None:
    first, second, *_ = drawings
    adaptation = client.adapt("small", {first: drawings[first] * 4, second: drawings[second][:1]})
    assert len(adaptation.warnings) == 1
    assert "from 1 to 20 examples; each class weighs the same" in adaptation.warnings[0]


def test_the_same_image_under_two_labels_is_learned_with_a_warning(
    client: Client, drawings: Examples
) -> None:
    first, second, *_ = drawings
    image = drawings[first][0]
    adaptation = client.adapt("small", {first: [image, image], second: [image, drawings[second][0]]})
    [warning] = adaptation.warnings
    assert "look the same to the model" in warning
    assert first in warning
    assert second in warning


def test_examples_far_from_home_are_warned_of(
    client: Client, shared_database_url: str, model_bundle: Bundle, examples: Examples
) -> None:
    """The same model, but for its home: drawings are nothing that it was trained on."""
    calibration = model_bundle.description["calibration"]
    away = {**calibration, "home": {"mean": [100.0], "scale": [1.0]}}
    moved = replace(model_bundle, description={**model_bundle.description, "calibration": away})
    add_model(shared_database_url, bundles.write(moved), "elsewhere")
    [warning] = client.adapt("elsewhere", examples).warnings
    assert "unlike those that the model was trained on" in warning
    assert client.adapt("small", examples).warnings == []


def test_vectors_are_examined_too_and_numbers_are_not(kinds: Client) -> None:
    random = np.random.default_rng(0)
    vectors = {
        label: [(centre + 0.1 * random.normal(size=4)).tolist() for _ in range(3)]
        for label, centre in (("near", 0.0), ("far", 5.0))
    }
    adaptation = kinds.adapt("vectors", vectors)
    assert all((example.margin or 0) > 0 for example in kinds.examples(adaptation.id, margins=True))
    line = kinds.adapt("sines", [([x / 5], x / 5) for x in range(5)])
    with pytest.raises(ApiError, match="predicts numbers"):
        kinds.examples(line.id, margins=True)
