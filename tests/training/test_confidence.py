"""Confidences are compared with the shares of right answers, on answers whose truth is known."""

import numpy as np
import pytest

from imaml.training.confidence import calibration_error, fit_temperature, softmax

QUERIES = 10_000


def drawn(logits: np.ndarray, seed: int) -> np.ndarray:
    """Labels drawn by the probabilities of logits: these are then perfectly calibrated."""
    noise = np.random.default_rng(seed).gumbel(size=logits.shape)
    return (logits + noise).argmax(1)


def random_logits(ways: int = 5) -> np.ndarray:
    return 2 * np.random.default_rng(0).normal(size=(QUERIES, ways))


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0, 20.0])
def test_a_temperature_is_recovered(temperature: float) -> None:
    logits = random_logits()
    labels = drawn(logits, seed=1)
    assert fit_temperature(temperature * logits, labels) == pytest.approx(temperature, rel=0.06)


def test_answers_that_are_right_as_often_as_they_say_have_no_error() -> None:
    logits = random_logits()
    assert calibration_error(softmax(logits), drawn(logits, seed=1)) < 0.02


@pytest.mark.parametrize(("said", "right"), [(0.99, 0.6), (0.5, 0.9), (1.0, 0.5)])
def test_the_error_of_answers_that_always_say_the_same_is_known(said: float, right: float) -> None:
    probabilities = np.full((QUERIES, 3), (1 - said) / 2)
    probabilities[:, 0] = said
    labels = (np.arange(QUERIES) >= right * QUERIES).astype(np.int64)
    assert calibration_error(probabilities, labels) == pytest.approx(abs(said - right), abs=1e-9)


def test_too_much_and_too_little_in_different_bins_do_not_cancel() -> None:
    confident, modest = np.array([0.9, 0.1]), np.array([0.6, 0.4])
    probabilities = np.concatenate([np.tile(confident, (1000, 1)), np.tile(modest, (1000, 1))])
    labels = np.concatenate([np.arange(1000) >= 800, np.arange(1000) >= 700]).astype(np.int64)
    assert calibration_error(probabilities, labels) == pytest.approx(0.1)


def test_dividing_by_the_temperature_mends_overconfidence() -> None:
    logits = random_logits()
    labels = drawn(logits, seed=1)
    sure = 5 * logits
    before = calibration_error(softmax(sure), labels)
    after = calibration_error(softmax(sure / fit_temperature(sure, labels)), labels)
    assert before > 0.1 > 10 * after


def test_probabilities_of_any_logits_are_finite_and_sum_to_one() -> None:
    logits = np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4], [700.0, 701.0, 699.0]])
    np.testing.assert_allclose(softmax(logits).sum(1), 1)
