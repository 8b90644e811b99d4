"""Support sets as people make them: few examples beside many, copies, one image under two labels."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.adaptation import adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import Prediction, predict
from imaml.runtime.support import Support
from imaml.store import Bundle
from imaml.tasks import glyphs
from tests.runtime.test_solvers import check_same, torchs

MANY = 20


@pytest.fixture(scope="module")
def many() -> NDArray[np.uint8]:
    """Drawings of three classes [classes, examples, 1, 28, 28]."""
    return glyphs.generate(3, MANY, seed=4).examples.reshape(3, MANY, 1, 28, 28)


def support_of(many: NDArray[np.uint8], shots: list[int]) -> Support:
    images = np.concatenate([many[k, :count] for k, count in enumerate(shots)])
    return Support.of(images, [f"class {k}" for k, count in enumerate(shots) for _ in range(count)])


@pytest.mark.parametrize("shots", [[1, MANY], [MANY, 1], [1, MANY, 1]])
def test_one_example_beside_twenty_counts_as_much_as_they_do(
    model: MetaModel, model_bundle: Bundle, many: NDArray[np.uint8], shots: list[int]
) -> None:
    support = support_of(many, shots)
    np.testing.assert_allclose(support.targets.sum(0), 1 / len(shots), rtol=1e-6)
    adapted, solution = adapt(model, support, model.recipe)
    check_same(adapted.phi, solution, torchs(model_bundle, model, support, model.recipe))
    answers = predict(model, adapted, support.examples, None)
    told = Counter(a.label for a in answers if isinstance(a, Prediction))
    assert told == {f"class {k}": count for k, count in enumerate(shots)}


@pytest.mark.parametrize("shots", [[3, 3], [1, 4, 2]])
def test_copies_of_all_examples_of_a_class_change_nothing(
    model: MetaModel, many: NDArray[np.uint8], shots: list[int]
) -> None:
    support = support_of(many, shots)
    once, _ = adapt(model, support, model.recipe)
    labels = [support.classes[k] for k in support.labels]
    of_first = support.labels == 0
    for copies in (1, 3):
        images = np.concatenate([support.examples, *[support.examples[of_first]] * copies])
        copied = Support.of(images, labels + labels[: of_first.sum()] * copies)
        again, _ = adapt(model, copied, model.recipe)
        np.testing.assert_allclose(again.phi, once.phi, rtol=0, atol=1e-5)
        np.testing.assert_allclose(again.moments, once.moments, rtol=0, atol=1e-5)
        np.testing.assert_allclose(again.prototypes, once.prototypes, rtol=0, atol=1e-4)


def test_one_image_under_two_labels_makes_them_equally_likely(
    model: MetaModel, many: NDArray[np.uint8]
) -> None:
    images = np.stack([many[0, 0], many[0, 0], many[1, 0], many[1, 1]])
    adapted, solution = adapt(model, Support.of(images, ["one", "same", "other", "other"]), model.recipe)
    assert np.isfinite(solution.residual)
    for answer in predict(model, adapted, many[:, 2:5].reshape(-1, 1, 28, 28), None):
        assert isinstance(answer, Prediction)
        assert answer.probabilities["one"] == pytest.approx(answer.probabilities["same"], abs=1e-5)


def test_a_single_image_under_all_labels_says_nothing_of_any(
    model: MetaModel, many: NDArray[np.uint8]
) -> None:
    images = np.stack([many[0, 0]] * 3)
    adapted, _ = adapt(model, Support.of(images, list("abc")), model.recipe)
    [answer] = predict(model, adapted, many[1, :1], None)
    assert isinstance(answer, Prediction)
    assert answer.probabilities == pytest.approx(dict.fromkeys("abc", 1 / 3), abs=1e-5)
