"""Evaluation: honest intervals, episodes that do not depend on the batches, and no look at other queries."""

import statistics

import pytest
import torch
from torch import Tensor

from imaml.nets.predictor import Predictor
from imaml.runtime.recipe import Recipe
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import EpisodeSampler
from imaml.tasks.split import Split
from imaml.training import evaluation
from imaml.training.evaluation import evaluate
from imaml.training.learner import Architecture

RECIPE = Recipe("gradient_descent", max_steps=3, inner_lr=0.5, lam=0.5)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Architecture(filters=8, head="prototype", ways=3).predictor()


@pytest.fixture(scope="module")
def theta(predictor: Predictor) -> Tensor:
    return predictor.initialise(torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def sampler(dataset: Dataset, parts: Split) -> EpisodeSampler:
    return EpisodeSampler(dataset, parts.train, ways=3, shots=2, queries=3, seed=1)


def test_mean_and_interval_are_those_of_the_episodes(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler
) -> None:
    scores = evaluate(predictor, RECIPE, theta, sampler, episodes=12)
    assert len(scores.accuracies) == 12
    assert scores.accuracy == pytest.approx(sum(scores.accuracies) / 12)
    assert scores.ci95 == pytest.approx(1.96 * statistics.stdev(scores.accuracies) / 12**0.5)
    assert len(scores.confidences) == 12 * 9
    assert all(1 / 3 <= confidence <= 1 for confidence in scores.confidences)


def test_the_first_episodes_score_the_same_however_many_follow(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = evaluate(predictor, RECIPE, theta, sampler, episodes=7)
    monkeypatch.setattr(evaluation, "IMAGES_AT_ONCE", 1)
    few = evaluate(predictor, RECIPE, theta, sampler, episodes=4)
    assert few.accuracies == many.accuracies[:4]


def test_zero_steps_score_what_the_centre_scores(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler
) -> None:
    still = Recipe("gradient_descent", max_steps=0, inner_lr=0.1, lam=0.5)
    scores = evaluate(predictor, still, theta, sampler, episodes=6)
    assert scores.accuracies == scores.accuracies_unadapted
    moved = evaluate(predictor, RECIPE, theta, sampler, episodes=6)
    assert moved.accuracies_unadapted == scores.accuracies


def test_the_transductive_protocol_is_another_one(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler
) -> None:
    inductive = evaluate(predictor, RECIPE, theta, sampler, episodes=6)
    transductive = evaluate(predictor, RECIPE, theta, sampler, episodes=6, transductive=True)
    assert inductive.confidences != transductive.confidences


def test_progress_is_heard_to_the_end(predictor: Predictor, theta: Tensor, sampler: EpisodeSampler) -> None:
    heard: list[int] = []
    evaluate(predictor, RECIPE, theta, sampler, episodes=5, progress=heard.append)
    assert heard[-1] == 5
    assert heard == sorted(heard)
