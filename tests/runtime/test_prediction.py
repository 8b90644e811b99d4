"""A prediction is a function of φ, the moments and one image."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.adaptation import Adapted, adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import NumberPrediction, predict
from imaml.runtime.support import Support


@pytest.fixture(scope="module")
def adapted(model: MetaModel, drawings: NDArray[np.uint8]) -> Adapted:
    return adapt(model, Support.of(drawings[:, 0], list("abcde")), model.recipe)[0]


def test_alone_in_a_crowd_and_in_any_order_the_answer_is_the_same(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    queries = np.concatenate([drawings[:, 1:].reshape(-1, 1, 28, 28)] * 2)  # more than go into one call
    together = predict(model, adapted, queries, None)
    order = np.random.default_rng(0).permutation(len(queries))
    shuffled = predict(model, adapted, queries[order], None)
    for position, index in enumerate(order):
        alone = predict(model, adapted, queries[index : index + 1], None)[0]
        for other in (together[index], shuffled[position]):
            assert other.probabilities == pytest.approx(alone.probabilities, abs=1e-5)
            assert other.similarity == pytest.approx(alone.similarity, abs=1e-5)


def test_prepared_examples_are_answered_as_those_they_were_made_of(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    prepared = model.input.to_input(drawings[:, 1])
    assert predict(model, adapted, prepared, 0.5, prepared=True) == predict(
        model, adapted, drawings[:, 1], 0.5
    )


def test_probabilities_sum_to_one_and_the_label_is_the_most_probable(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    for prediction in predict(model, adapted, drawings[:, 1], None):
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert prediction.probabilities[prediction.label] == prediction.confidence
        assert prediction.confidence == max(prediction.probabilities.values())


def test_less_similar_than_the_threshold_is_unknown(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    queries = drawings[:, 1]
    similarities = sorted(p.similarity for p in predict(model, adapted, queries, None))
    between = (similarities[1] + similarities[2]) / 2
    answers = predict(model, adapted, queries, between)
    assert [p.unknown for p in answers] == [p.similarity < between for p in answers]
    assert sum(p.unknown for p in answers) == 2
    assert not any(p.unknown for p in predict(model, adapted, queries, None))


def test_the_temperature_divides_the_logits(
    model: MetaModel, adapted: Adapted, drawings: NDArray[np.uint8]
) -> None:
    """Which changes neither the label nor what is unknown."""
    setting = model.calibration and model.calibration.nearest(5, 1)
    assert setting is not None
    assert adapted.temperature == setting.temperature
    queries = drawings[:, 1]
    usual, hot = (
        predict(model, replace(adapted, temperature=temperature), queries, 0.4) for temperature in (1.0, 2.0)
    )
    for one, other in zip(usual, hot, strict=True):
        squares = {label: share**2 for label, share in other.probabilities.items()}
        again = {label: square / sum(squares.values()) for label, square in squares.items()}
        assert again == pytest.approx(one.probabilities, rel=1e-3, abs=1e-6)
        assert (other.label, other.unknown, other.similarity) == (one.label, one.unknown, one.similarity)


def test_a_regressor_answers_numbers_each_on_its_own(regression_model: MetaModel) -> None:
    inputs = np.linspace(-3, 3, 10, dtype=np.float32)[:, None]
    support = Support.of_numbers(inputs, np.sin(inputs[:, 0]).tolist())
    adapted, solution = adapt(regression_model, support, replace(regression_model.recipe, max_steps=200))
    answers = predict(regression_model, adapted, inputs, None)
    assert all(isinstance(answer, NumberPrediction) for answer in answers)
    values = np.array([answer.value for answer in answers])
    # The loss is half the mean squared error of exactly these answers.
    error = ((values - np.sin(inputs[:, 0])) ** 2).mean() / 2
    assert error == pytest.approx(solution.support_loss, rel=1e-3)
    alone = [predict(regression_model, adapted, row[None], None)[0].value for row in inputs]
    assert values == pytest.approx(alone, abs=1e-5)


def test_vectors_are_answered_with_their_class(vector_model: MetaModel, vectors: np.ndarray) -> None:
    support = Support.of(vectors[:, :3].reshape(9, 4), [label for label in "abc" for _ in range(3)])
    adapted, _ = adapt(vector_model, support, vector_model.recipe)
    answers = predict(vector_model, adapted, vectors[:, 3:].reshape(9, 4), None)
    assert [answer.label for answer in answers] == [label for label in "abc" for _ in range(3)]
