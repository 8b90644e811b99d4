"""The adaptation loop: independent of order, honest about how far it went; for labels and for numbers."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from imaml.runtime.adaptation import Diverged, adapt
from imaml.runtime.calibration import Home
from imaml.runtime.graphs import Array, Evaluation, Graphs
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe, RecipeError
from imaml.runtime.support import Support, SupportError
from imaml.store import Bundle
from tests.runtime.test_solvers import check_same, torchs

LABELS = ["d", "b", "e", "a", "c"]


def support_of(drawings: NDArray[np.uint8], ways: int, shots: list[int]) -> Support:
    """The first `shots[k]` drawings of each of the first classes."""
    images = np.concatenate([drawings[k, : shots[k]] for k in range(ways)])
    return Support.of(images, [LABELS[k] for k in range(ways) for _ in range(shots[k])])


def test_the_order_of_examples_changes_nothing_at_all(model: MetaModel, drawings: NDArray[np.uint8]) -> None:
    images = drawings[:, :3].reshape(15, 1, 28, 28)
    labels = [label for label in LABELS for _ in range(3)]
    first, _ = adapt(model, Support.of(images, labels), model.recipe)
    order = np.random.default_rng(0).permutation(15)
    second, _ = adapt(model, Support.of(images[order], [labels[i] for i in order]), model.recipe)
    assert np.array_equal(first.phi, second.phi)
    assert np.array_equal(first.moments, second.moments)
    assert first.classes == second.classes == tuple(sorted(LABELS))


def test_canonical_order_remembers_where_each_example_was(drawings: NDArray[np.uint8]) -> None:
    images, labels = drawings[:, 0], LABELS
    support = Support.of(images, labels)
    assert [labels[i] for i in support.order] == [support.classes[k] for k in support.labels]
    assert np.array_equal(images[list(support.order)], support.examples)


def test_every_class_weighs_the_same(drawings: NDArray[np.uint8]) -> None:
    targets = support_of(drawings, 3, [1, 4, 2]).targets
    np.testing.assert_allclose(targets.sum(0), 1 / 3, rtol=1e-6)


def test_the_solution_tells_the_truth(model: MetaModel, drawings: NDArray[np.uint8]) -> None:
    support = support_of(drawings, 4, [2, 2, 2, 2])
    adapted, solution = adapt(model, support, replace(model.recipe, max_steps=6))
    images, targets = model.input.to_input(support.examples), support.targets
    centre = model.graphs.centre(model.theta, images, targets)
    there = model.graphs.value_and_gradient(adapted.phi, centre.seen, targets)
    residual = np.linalg.norm(there.gradient + model.recipe.lam * (adapted.phi - centre.phi))
    assert solution.residual == pytest.approx(float(residual), rel=1e-4)
    assert solution.support_loss == pytest.approx(there.loss, rel=1e-5)
    assert solution.support_accuracy == (there.logits.argmax(1) == support.labels).mean()
    assert solution.distance == pytest.approx(float(np.linalg.norm(adapted.phi - centre.phi)), rel=1e-5)
    np.testing.assert_allclose(adapted.moments, there.moments, rtol=1e-6)
    means = [there.features[support.labels == k].mean(0) for k in range(4)]
    np.testing.assert_allclose(adapted.prototypes, means, rtol=1e-4, atol=1e-5)
    assert (solution.steps, solution.converged, solution.stop_reason) == (6, False, "step_limit")
    assert [point.step for point in solution.trace] == list(range(7))
    assert solution.trace[-1].loss < solution.trace[0].loss
    assert solution.duration_ms > 0


def test_a_tolerance_stops_when_it_is_reached_and_says_so(
    model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    support = support_of(drawings, 3, [2, 2, 2])
    _, free = adapt(model, support, replace(model.recipe, max_steps=10))
    tolerance = free.trace[4].residual
    _, solution = adapt(model, support, replace(model.recipe, max_steps=10, tolerance=tolerance))
    assert solution.steps == next(p.step for p in free.trace if p.residual <= tolerance) < 10
    assert solution.residual <= tolerance
    assert (solution.converged, solution.stop_reason) == (True, "tolerance")


def test_a_tolerance_of_0_never_stops_early(model: MetaModel, drawings: NDArray[np.uint8]) -> None:
    theta = model.theta.copy()
    theta[-1] = 15  # the head's log scale: probabilities are exactly 0 and 1, and the gradient is exactly 0
    certain = replace(model, theta=theta)
    _, solution = adapt(certain, support_of(drawings, 2, [1, 1]), replace(model.recipe, max_steps=3))
    assert solution.trace[0].residual == 0
    assert (solution.steps, solution.converged, solution.stop_reason) == (3, False, "step_limit")


def test_a_deadline_returns_what_was_reached(model: MetaModel, drawings: NDArray[np.uint8]) -> None:
    support = support_of(drawings, 3, [2, 2, 2])
    _, solution = adapt(model, support, replace(model.recipe, max_steps=10**6), deadline_seconds=0.05)
    assert (solution.converged, solution.stop_reason) == (False, "deadline")
    assert 0 < solution.steps < 10**6


class Climbing(Graphs):
    """Graphs whose loss is higher each time that it is asked for."""

    def value_and_gradient(self, phi: Array, seen: Array, targets: Array) -> Evaluation:
        self.__dict__.setdefault("asked", []).append(phi)
        return super().value_and_gradient(phi, seen, targets)._replace(loss=float(len(self.asked)))


def test_a_deadline_returns_the_best_of_what_was_reached_and_the_whole_way(
    model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    climbing = replace(model, graphs=Climbing(**vars(model.graphs)))
    endless = replace(model.recipe, max_steps=10**6)
    _, solution = adapt(climbing, support_of(drawings, 3, [2, 2, 2]), endless, deadline_seconds=0.2)
    assert solution.stop_reason == "deadline"
    assert solution.steps == len(solution.trace) - 1 > 0
    assert [point.loss for point in solution.trace] == list(range(1, len(solution.trace) + 1))
    assert (solution.support_loss, solution.distance) == (1, 0)
    assert solution.residual == solution.trace[0].residual


def test_without_a_deadline_the_last_step_is_kept_as_the_trainer_keeps_it(
    model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    climbing = replace(model, graphs=Climbing(**vars(model.graphs)))
    _, solution = adapt(climbing, support_of(drawings, 3, [2, 2, 2]), model.recipe)
    assert (solution.steps, solution.support_loss) == (5, 6)


def test_the_distance_from_home_is_in_standard_deviations(
    model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    support = support_of(drawings, 3, [2, 2, 2])
    moments = model.graphs.centre(
        model.theta, model.input.to_input(support.examples), support.targets
    ).moments

    def distance(mean: Array, scale: Array) -> float | None:
        assert model.calibration is not None
        elsewhere = replace(model.calibration, home=Home(mean, scale))
        return adapt(replace(model, calibration=elsewhere), support, model.recipe)[1].home_distance

    ones = np.ones_like(moments)
    assert distance(moments, ones) == pytest.approx(0, abs=1e-6)
    assert distance(moments - 3, ones) == pytest.approx(3, rel=1e-5)
    assert distance(moments - 3, 2 * ones) == pytest.approx(1.5, rel=1e-5)


@pytest.mark.parametrize("ways", [1, 7])
def test_too_few_or_too_many_classes_are_refused_with_the_bounds(
    model: MetaModel, drawings: NDArray[np.uint8], ways: int
) -> None:
    images = drawings.reshape(-1, 1, 28, 28)[:ways]
    with pytest.raises(SupportError, match=rf"have {ways} different labels?; this model learns 2 to 6"):
        adapt(model, Support.of(images, [f"class {k}" for k in range(ways)]), model.recipe)


def test_divergence_is_an_error_that_says_what_to_change(
    model: MetaModel, drawings: NDArray[np.uint8]
) -> None:
    with pytest.raises(Diverged, match=r"inner_lr 1e\+30"):
        adapt(model, support_of(drawings, 2, [1, 1]), replace(model.recipe, inner_lr=1e30))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"solver": "magic"}, "solver is 'magic'.*gradient_descent"),
        ({"max_steps": -1}, "max_steps is -1"),
        ({"inner_lr": 0.0}, "inner_lr is 0.0"),
        ({"inner_lr": float("nan")}, "inner_lr is nan"),
        ({"lam": -1.0}, "lam is -1.0"),
        ({"lam": float("inf")}, "lam is inf"),
        ({"tolerance": -1.0}, "tolerance is -1.0"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"cg_steps": 0}, "cg_steps is 0"),
        ({"memory": 0}, "memory is 0"),
        ({"lam_scales": (1.0, 0.0)}, "lam_scales has 0.0"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(
    model: MetaModel, change: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        replace(model.recipe, **change)


def test_lam_0_is_plain_descent(model: MetaModel, drawings: NDArray[np.uint8]) -> None:
    support = support_of(drawings, 3, [1, 1, 1])
    adapted, solution = adapt(model, support, Recipe("gradient_descent", 2, 0.1, 0.0))
    phi, seen, *_ = model.graphs.centre(model.theta, model.input.to_input(support.examples), support.targets)
    for _ in range(2):
        gradient = model.graphs.value_and_gradient(phi, seen, support.targets).gradient
        phi = phi - np.float32(0.1) * gradient
    np.testing.assert_allclose(adapted.phi, phi, atol=1e-6)
    assert solution.steps == 2


def test_vectors_are_standardised_and_learned_as_torch_learns_them(
    vector_model: MetaModel, vector_bundle: Bundle, vectors: NDArray[np.float32]
) -> None:
    labels = [f"class {k}" for k in range(3) for _ in range(2)]
    support = Support.of(vectors[:, :2].reshape(6, 4), labels)
    adapted, solution = adapt(vector_model, support, vector_model.recipe)
    check_same(adapted.phi, solution, torchs(vector_bundle, vector_model, support, vector_model.recipe))
    # The last feature is constant in the model's data, so it says nothing.
    moved = Support.of(vectors[:, :2].reshape(6, 4) + np.array([0, 0, 0, 9], np.float32), labels)
    assert np.array_equal(adapt(vector_model, moved, vector_model.recipe)[0].phi, adapted.phi)


def test_numbers_are_learned_as_torch_learns_them(
    regression_model: MetaModel, regression_bundle: Bundle
) -> None:
    inputs = np.linspace(-3, 3, 10, dtype=np.float32)[:, None]
    numbers = np.sin(inputs[:, 0]).tolist()
    support = Support.of_numbers(inputs, numbers)
    adapted, solution = adapt(regression_model, support, regression_model.recipe)
    recipe = regression_model.recipe
    check_same(adapted.phi, solution, torchs(regression_bundle, regression_model, support, recipe))
    assert solution.support_accuracy is None
    assert (adapted.classes, adapted.prototypes.shape[0], solution.home_distance) == ((), 0, None)
    shuffled = Support.of_numbers(inputs[::-1], numbers[::-1])
    assert np.array_equal(adapt(regression_model, shuffled, recipe)[0].phi, adapted.phi)


def test_photographs_are_learned_in_their_colours(photo_model: MetaModel, photo_bundle: Bundle) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), np.uint8)
    support = Support.of(photos, list("aabbcc"))
    adapted, solution = adapt(photo_model, support, photo_model.recipe)
    check_same(adapted.phi, solution, torchs(photo_bundle, photo_model, support, photo_model.recipe))
    swapped = Support.of(photos[:, ::-1], list("aabbcc"))
    assert not np.allclose(adapt(photo_model, swapped, photo_model.recipe)[0].phi, adapted.phi, atol=1e-3)


def test_labels_and_numbers_are_not_taken_for_each_other(
    vector_model: MetaModel, regression_model: MetaModel, vectors: NDArray[np.float32]
) -> None:
    with pytest.raises(SupportError, match="give each example a label"):
        adapt(vector_model, Support.of_numbers(vectors[0], range(6)), vector_model.recipe)
    with pytest.raises(SupportError, match="give each example a number"):
        adapt(regression_model, Support.of(vectors[0, :, :1], list("aabbcc")), regression_model.recipe)
