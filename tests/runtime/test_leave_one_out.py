"""Each example answered by what is learned from the others: wrong labels show, and so does the spread."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.adaptation import adapt
from imaml.runtime.calibration import Calibration
from imaml.runtime.leave_one_out import LeftOut, can_leave_out, leave_out, refined_threshold
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import Prediction, predict
from imaml.runtime.support import Support
from tests.models import class_vectors

EACH = 5


@pytest.fixture(scope="module")
def apart() -> NDArray[np.float32]:
    """Vectors [classes, examples, 4] of classes far from each other."""
    return class_vectors(3, EACH, seed=5)


def support_of(vectors: NDArray[np.float32], labels: list[str] | None = None) -> Support:
    examples = vectors.reshape(-1, vectors.shape[-1])
    return Support.of(examples, labels or [label for label in "abc" for _ in range(vectors.shape[1])])


@pytest.mark.parametrize("planted", [0, 7, 14])
def test_a_wrong_label_has_the_lowest_margin(
    vector_model: MetaModel, apart: NDArray[np.float32], planted: int
) -> None:
    labels = [label for label in "abc" for _ in range(EACH)]
    labels[planted] = "b" if labels[planted] != "b" else "c"
    support = support_of(apart, labels)
    margins = [
        leave_out(vector_model, support, vector_model.recipe, index).margin for index in range(3 * EACH)
    ]
    assert support.order[int(np.argmin(margins))] == planted
    assert min(margins) < 0


def test_an_example_is_answered_as_a_query_of_the_others(
    vector_model: MetaModel, apart: NDArray[np.float32]
) -> None:
    support = support_of(apart)
    found = leave_out(vector_model, support, vector_model.recipe, 4)
    adapted, _ = adapt(vector_model, support.without(4), vector_model.recipe)
    [answer] = predict(vector_model, adapted, support.examples[4:5], None)
    assert isinstance(answer, Prediction)
    others = [share for label, share in answer.probabilities.items() if label != "a"]
    assert found.margin == pytest.approx(np.log(answer.probabilities["a"] / max(others)), rel=1e-3)
    assert vector_model.calibration is not None
    distance = vector_model.calibration.distance
    assert found.squared_distance == pytest.approx(-distance * np.log2(answer.similarity), rel=1e-3, abs=1e-5)


def test_a_margin_is_a_number_even_where_a_probability_underflows(
    vector_model: MetaModel, apart: NDArray[np.float32]
) -> None:
    support = support_of(1e3 * apart)
    assert np.isfinite(leave_out(vector_model, support, vector_model.recipe, 0).margin)


def test_without_an_example_the_classes_weigh_the_same_again() -> None:
    labels = ["a", "a", "a", "b", "b", "c", "c"]
    support = Support.of(np.arange(7, dtype=np.float32)[:, None], labels)
    for index in range(7):
        rest = support.without(index)
        np.testing.assert_allclose(rest.targets.sum(0), 1 / 3, rtol=1e-6)
        assert rest.classes == support.classes
        assert rest.order == (*support.order[:index], *support.order[index + 1 :])
        as_if_given = Support.of(rest.examples, [rest.classes[k] for k in rest.labels])
        np.testing.assert_allclose(rest.targets, as_if_given.targets, rtol=1e-6)
        assert np.array_equal(rest.examples, as_if_given.examples)


def test_the_only_example_of_a_class_cannot_be_left_out() -> None:
    support = Support.of(np.arange(3, dtype=np.float32)[:, None], ["a", "b", "b"])
    assert [can_leave_out(support, index) for index in range(3)] == [False, True, True]


def refined(model: MetaModel, spread: float, examples: int) -> float:
    """The threshold for examples that lie so far apart, in units of the model's own classes."""
    calibration = model.calibration
    assert isinstance(calibration, Calibration)
    usual = calibration.settings[0].spread * calibration.distance
    support = Support.of(np.arange(examples, dtype=np.float32)[:, None], list("ab") * (examples // 2))
    return refined_threshold(calibration, support, [LeftOut(1.0, spread * usual)] * examples)


def test_the_threshold_moves_out_for_classes_that_are_more_spread_out(vector_model: MetaModel) -> None:
    """The more so the more examples say it; classes like those of the training keep theirs."""
    assert vector_model.calibration is not None
    stored = vector_model.calibration.settings[0].unknown_threshold
    assert refined(vector_model, 1, 10) == pytest.approx(stored)
    few, many = refined(vector_model, 3, 4), refined(vector_model, 3, 40)
    assert 0 < many < few < stored
    assert refined(vector_model, 9, 10) < refined(vector_model, 3, 10)
    assert 1 > refined(vector_model, 0.7, 10) > stored


def test_examples_that_are_all_alike_leave_room_for_others(vector_model: MetaModel) -> None:
    """Copies lie no distance from each other, which says nothing of how far the next example will."""
    assert vector_model.calibration is not None
    stored = vector_model.calibration.settings[0].unknown_threshold
    assert stored < refined(vector_model, 0, 100) < 2 * stored
