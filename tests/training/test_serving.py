"""Recipes and calibration are measured as the service would run them, and chosen so that nothing is lost."""

from dataclasses import replace

import numpy as np
import pytest

from imaml.runtime.calibration import Calibration, signature
from imaml.runtime.graphs import Graphs
from imaml.runtime.inputs import Drawings
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.store import Bundle
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import EpisodeSampler
from imaml.tasks.split import Split
from imaml.training import serving
from imaml.training.confidence import softmax
from imaml.training.evaluation import evaluate
from imaml.training.fewshot import FewShot
from imaml.training.learner import from_bundle

TRAINERS = Recipe("gradient_descent", max_steps=8, inner_lr=0.1, lam=0.5)
EPISODES = 6


@pytest.fixture(scope="module")
def model(model_bundle: Bundle) -> MetaModel:
    """A small model as publishing has it before anything is measured."""
    parameters = [model_bundle.parameters[name] for name in model_bundle.description["layout"]]
    return serving.uncalibrated(
        Graphs.load(model_bundle.graphs, threads=1),
        np.concatenate([value.ravel() for value in parameters]),
        tuple(value.size for value in parameters),
        Drawings(),
        TRAINERS,
        (2, 20),
    )


def sampler_of(dataset: Dataset, parts: Split, ways: int, shots: int) -> EpisodeSampler:
    return EpisodeSampler(dataset, parts.train, ways=ways, shots=shots, queries=2, seed=3)


@pytest.fixture(scope="module")
def samplers(dataset: Dataset, parts: Split) -> list[EpisodeSampler]:
    return [sampler_of(dataset, parts, 3, 1), sampler_of(dataset, parts, 5, 2)]


def test_the_trainers_recipe_is_the_first_candidate_and_none_comes_twice() -> None:
    for steps in (1, 2, 3, 16):
        for lam in (0.0, 0.5):
            for curvature in (False, True):
                trainers = replace(TRAINERS, max_steps=steps, lam=lam)
                found = serving.candidates(trainers, curvature)
                assert found[0] == trainers
                assert len(set(found)) == len(found)
                assert all(1 <= recipe.max_steps <= max(steps, 2) for recipe in found)
                assert {recipe.lam for recipe in found} == {lam}
                assert ("newton_cg" in {recipe.solver for recipe in found}) == (curvature and lam > 0)


def test_without_steps_there_is_nothing_to_be_faster_at() -> None:
    still = replace(TRAINERS, max_steps=0)
    assert serving.candidates(still, curvature=True) == [still]


def test_without_a_proximal_term_no_other_solver_stands_in() -> None:
    """Where they arrive is then part of the recipe: nothing but their steps would hold them."""
    plain = serving.candidates(replace(TRAINERS, lam=0.0), curvature=True)
    assert {recipe.solver for recipe in plain} == {"gradient_descent"}
    assert len(plain) > 1


def test_answers_are_scored_as_torch_scores_them(
    model: MetaModel, model_bundle: Bundle, samplers: list[EpisodeSampler]
) -> None:
    predictor, theta, _ = from_bundle(model_bundle)
    for sampler in samplers:
        found = serving.answers(model, TRAINERS, sampler, EPISODES)
        expected = evaluate(FewShot(predictor), TRAINERS, theta, sampler, EPISODES)
        assert found.accuracies == pytest.approx(expected.accuracies)
        assert found.ci95 == pytest.approx(expected.ci95)
        for ours, torchs in zip(found.logits, expected.logits, strict=True):
            np.testing.assert_allclose(softmax(ours), torchs.softmax(1).numpy(), atol=2e-3)
        for ours, torchs in zip(found.labels, expected.labels, strict=True):
            assert np.array_equal(ours, torchs.numpy())


def test_the_chosen_recipe_is_never_below_the_trainers(
    model: MetaModel, samplers: list[EpisodeSampler]
) -> None:
    recipes = serving.candidates(TRAINERS, curvature=False)
    table = serving.compare_recipes(model, recipes, samplers, EPISODES)
    assert table[0]["recipe"] == TRAINERS
    assert table[0]["not_below"]
    chosen = serving.fastest(table)
    [row] = [row for row in table if row["recipe"] == chosen]
    for setting, own in zip(row["settings"], table[0]["settings"], strict=True):
        assert (setting["ways"], setting["shots"]) == (own["ways"], own["shots"])
        assert setting["accuracy"] >= own["accuracy"]
    for row in table:
        below = [
            a["accuracy"] < b["accuracy"] for a, b in zip(row["settings"], table[0]["settings"], strict=True)
        ]
        assert row["not_below"] == (not any(below))


def test_what_diverges_is_left_out(model: MetaModel, samplers: list[EpisodeSampler]) -> None:
    table = serving.compare_recipes(model, [TRAINERS, replace(TRAINERS, inner_lr=1e30)], samplers, 2)
    assert [row["recipe"] for row in table] == [TRAINERS]


def row(steps: int, milliseconds: float, not_below: bool) -> dict[str, object]:
    settings = [{"milliseconds": milliseconds}, {"milliseconds": 1.0}]
    return {"recipe": replace(TRAINERS, max_steps=steps), "not_below": not_below, "settings": settings}


def test_the_fastest_is_of_those_that_lose_nothing() -> None:
    table = [row(8, 9.0, True), row(4, 5.0, True), row(2, 6.0, True), row(1, 1.0, False)]
    assert serving.fastest(table).max_steps == 4
    assert serving.fastest(table[:1]).max_steps == 8


def test_a_calibration_says_what_was_measured(model: MetaModel, samplers: list[EpisodeSampler]) -> None:
    measured = [(sampler, serving.answers(model, TRAINERS, sampler, 30)) for sampler in samplers]
    described = serving.calibrate(model, measured)
    calibration = Calibration.from_description(described)
    everything = np.concatenate([np.concatenate(found.distances) for _, found in measured])
    assert np.median(np.exp2(-everything / calibration.distance)) == pytest.approx(0.5, rel=1e-3)
    for setting, (sampler, found), raw in zip(
        calibration.settings, measured, described["settings"], strict=True
    ):
        assert (setting.ways, setting.shots) == (sampler.ways, sampler.shots)
        assert setting.temperature == found.temperature
        similarities = np.exp2(-np.concatenate(found.distances) / calibration.distance)
        lost = float((similarities < setting.unknown_threshold).mean())
        assert lost == pytest.approx(serving.KNOWN_LOST, abs=1 / len(similarities))
        assert setting.spread == pytest.approx(np.concatenate(found.distances).mean() / calibration.distance)
        assert setting.home_threshold >= 1
        assert raw["calibration_error"] <= raw["calibration_error_before"] + 0.05


def test_home_is_that_of_the_smallest_tasks_which_lie_within_it(
    model: MetaModel, samplers: list[EpisodeSampler]
) -> None:
    measured = [(sampler, serving.answers(model, TRAINERS, sampler, 2)) for sampler in samplers]
    calibration = Calibration.from_description(serving.calibrate(model, measured))
    for sampler, setting in zip(samplers, calibration.settings, strict=True):
        away: list[float] = []
        for support, _, _ in serving.tasks(sampler, serving.HOME_TASKS):
            centre = model.graphs.centre(model.theta, support.examples, support.targets)
            away.append(calibration.home.distance(signature(centre, support.targets)))
        assert np.mean(np.array(away) > setting.home_threshold) <= 0.02
        if sampler is samplers[0]:
            assert np.sqrt(np.mean(np.square(away))) == pytest.approx(1, rel=0.01)
    noise = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    targets = np.eye(3, dtype=np.float32) / 3
    stranger = model.graphs.centre(model.theta, noise, targets)
    assert calibration.home.distance(signature(stranger, targets)) > calibration.settings[0].home_threshold
