"""What was measured of a model's answers is applied as it was measured."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.adaptation import adapt
from imaml.runtime.calibration import Calibration, Home, Setting, home_of, prototypes, signature
from imaml.runtime.graphs import Centre
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Support


def measured(ways: int, shots: float, unknown_threshold: float = 0.3) -> Setting:
    return Setting(ways, shots, 1.0, unknown_threshold, 1.0, 1.0)


def calibration(*settings: Setting, distance: float = 4.0) -> Calibration:
    return Calibration(settings, distance, Home(np.zeros(1, np.float32), np.ones(1, np.float32)))


def test_similarity_is_1_at_a_prototype_and_a_half_at_the_stored_distance() -> None:
    centres = np.array([[0, 0, 0], [10, 0, 0]], np.float32)
    queries = np.array([[0, 0, 0], [10, 0, 0], [0, 2, 0], [10, 0, -2], [0, 4, 0], [1e6, 0, 0]], np.float32)
    found = calibration(measured(5, 1)).similarities(queries, centres)
    np.testing.assert_allclose(found, [1, 1, 0.5, 0.5, 2.0**-4, 0], rtol=1e-6)


def test_similarity_is_to_the_nearest_prototype_and_falls_with_the_distance() -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(4, 8)).astype(np.float32)
    queries = generator.normal(size=(50, 8)).astype(np.float32)
    found = calibration(measured(5, 1)).similarities(queries, centres)
    distances = np.linalg.norm(queries[:, None] - centres, axis=2).min(1)
    assert np.array_equal(np.argsort(-found), np.argsort(distances))
    assert ((found > 0) & (found <= 1)).all()


@pytest.mark.parametrize(
    ("ways", "shots", "threshold"),
    [(4, 1, 0.5), (5, 1, 0.5), (6, 4.0, 0.6), (5, 2.3, 0.6), (50, 1, 0.3), (2, 20, 0.6), (20, 1.5, 0.3)],
)
def test_the_setting_in_force_is_the_one_measured_nearest(ways: int, shots: float, threshold: float) -> None:
    """In factors of ways and of shots."""
    found = calibration(measured(5, 1, 0.5), measured(5, 5, 0.6), measured(20, 1, 0.3))
    assert found.nearest(ways, shots).unknown_threshold == threshold


def test_a_support_set_of_regression_has_no_setting(
    regression_model: MetaModel, model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    numbers = Support.of_numbers(np.zeros((2, 1), np.float32), [0.0, 1.0])
    assert regression_model.measured(numbers) is None
    assert model.calibration is not None
    labelled = Support.of(drawings[:, 0], list("abcde"))
    assert model.measured(labelled) == model.calibration.settings[0]


def test_home_is_where_the_support_sets_lay() -> None:
    generator = np.random.default_rng(1)
    places = generator.normal(3, 2, (2000, 4)).astype(np.float32)
    home = home_of(list(places))
    distances = np.array([home.distance(place) for place in places])
    assert np.sqrt(np.mean(distances**2)) == pytest.approx(1, rel=1e-3)
    assert home.distance(np.full(4, 3 + 20, np.float32)) == pytest.approx(10, rel=0.1)


def test_numbers_that_never_differed_make_no_distance_infinite() -> None:
    home = home_of([np.array([1, 2], np.float32)] * 3)
    assert home.distance(np.array([1, 2], np.float32)) == 0
    assert np.isfinite(home.distance(np.array([1, 3], np.float32)))


def test_prototypes_are_the_means_of_the_classes_however_many_examples_each_has() -> None:
    features = np.array([[0, 2], [2, 2], [4, 2], [9, 9]], np.float32)
    support = Support.of(np.arange(4, dtype=np.float32)[:, None], ["a", "a", "a", "b"])
    np.testing.assert_allclose(prototypes(features, support.targets), [[2, 2], [9, 9]], rtol=1e-6)


def test_a_signature_is_the_moments_or_where_there_are_none_those_of_the_features() -> None:
    support = Support.of(np.arange(3, dtype=np.float32)[:, None], ["a", "a", "b"])
    features = np.array([[1, 0], [3, 0], [4, 1]], np.float32)
    none, some = np.empty(0, np.float32), np.array([5, 6, 7], np.float32)
    with_moments = Centre(none, none, features, some)
    assert np.array_equal(signature(with_moments, support.targets), some)
    without = Centre(none, none, features, none)
    # Both classes weigh the same: ¼, ¼ and ½.
    np.testing.assert_allclose(signature(without, support.targets), [3, 0.5, 10.5, 0.5], rtol=1e-6)


def test_models_without_moments_have_a_distance_from_home_too(
    vector_model: MetaModel, vectors: NDArray[np.float32]
) -> None:
    labels = [label for label in "abc" for _ in range(2)]
    support = Support.of(vectors[:, :2].reshape(6, 4), labels)
    _, solution = adapt(vector_model, support, vector_model.recipe)
    assert solution.home_distance is not None
    assert 0 < solution.home_distance < np.inf
