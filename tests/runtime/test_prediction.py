"""A prediction is a function of φ, the moments and one image."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.adaptation import Adapted, Support, adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import predict


@pytest.fixture(scope="module")
def adapted(model: MetaModel, drawings: NDArray[np.uint8]) -> Adapted:
    return adapt(model, Support.of(drawings[:, 0], list("abcde")), model.recipe)[0]


def test_alone_in_a_crowd_and_in_any_order_the_answer_is_the_same(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    queries = np.concatenate([drawings[:, 1:].reshape(-1, 28, 28)] * 2)  # more than go into one call
    together = predict(model.graphs, adapted, queries)
    order = np.random.default_rng(0).permutation(len(queries))
    shuffled = predict(model.graphs, adapted, queries[order])
    for position, index in enumerate(order):
        alone = predict(model.graphs, adapted, queries[index : index + 1])[0]
        for other in (together[index], shuffled[position]):
            assert other.probabilities == pytest.approx(alone.probabilities, abs=1e-5)


def test_probabilities_sum_to_one_and_the_label_is_the_most_probable(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    for prediction in predict(model.graphs, adapted, drawings[:, 1]):
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert prediction.probabilities[prediction.label] == prediction.confidence
        assert prediction.confidence == max(prediction.probabilities.values())


def test_less_confident_than_the_threshold_is_unknown(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    queries = drawings[:, 1]
    confidences = sorted(p.confidence for p in predict(model.graphs, adapted, queries))
    between = replace(adapted, unknown_threshold=(confidences[1] + confidences[2]) / 2)
    assert sorted(p.unknown for p in predict(model.graphs, between, queries)) == [False] * 3 + [True] * 2
