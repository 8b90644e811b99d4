"""Predictions: each image on its own, however it is sent, while the service stays responsive."""

import base64
import threading

import httpx
import numpy as np
import pytest

from imaml.client import Adaptation, Client, Prediction
from tests.services import Examples


@pytest.fixture
def adaptation(client: Client, examples: Examples) -> Adaptation:
    return client.adapt("small", examples)


def _probabilities(predictions: list[Prediction]) -> np.ndarray:
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


def test_image_alone_in_a_batch_and_in_any_order_is_predicted_the_same(
    client: Client, adaptation: Adaptation, queries: list[bytes]
) -> None:
    batch = (queries * 7)[:50]
    together = _probabilities(client.predict(adaptation.id, batch))
    order = np.random.default_rng(0).permutation(len(batch))
    shuffled = _probabilities(client.predict(adaptation.id, [batch[index] for index in order]))
    alone = np.concatenate([_probabilities(client.predict(adaptation.id, [query])) for query in queries])
    assert np.abs(shuffled - together[order]).max() < 1e-5
    assert np.abs(alone - together[: len(queries)]).max() < 1e-5
    assert np.ptp(together[: len(queries)], axis=0).max() > 1e-2  # the images do differ


def test_prediction_names_the_most_probable_class(
    client: Client, adaptation: Adaptation, examples: Examples
) -> None:
    for label, files in examples.items():
        for prediction in client.predict(adaptation.id, files):
            assert list(prediction.probabilities) == adaptation.classes
            assert sum(prediction.probabilities.values()) == pytest.approx(1)
            assert prediction.confidence == max(prediction.probabilities.values())
            assert prediction.probabilities[prediction.label] == prediction.confidence
            assert prediction.unknown == (prediction.similarity < (adaptation.unknown_threshold or 0))
            assert prediction.label == label  # it was taught this very image


def test_json_and_multipart_are_answered_the_same(
    http: httpx.Client, adaptation: Adaptation, queries: list[bytes]
) -> None:
    path = f"/v1/adaptations/{adaptation.id}/predictions"
    by_form = http.post(path, files=[("images", ("q.png", query)) for query in queries])
    inputs = [{"image": base64.b64encode(query).decode()} for query in queries]
    by_json = http.post(path, json={"inputs": inputs})
    assert by_form.status_code == by_json.status_code == 200
    assert by_form.json() == by_json.json()
    assert by_form.json()["predictions"][0].keys() == {
        "label", "confidence", "unknown", "similarity", "probabilities",
    }  # fmt: skip


def test_service_answers_while_it_adapts(client: Client, http: httpx.Client, examples: Examples) -> None:
    crowd = {label: files * 12 for label, files in examples.items()}
    work = threading.Thread(target=client.adapt, args=("small", crowd), kwargs={"max_steps": 200})
    work.start()
    answered = 0
    while work.is_alive():
        answered += http.get("/healthz").is_success and work.is_alive()
    work.join()
    assert answered >= 5
