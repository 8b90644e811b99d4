"""Evaluation: honest intervals, episodes that do not depend on the batches, and no look at other queries."""

import statistics
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from imaml.nets.predictor import Predictor
from imaml.runtime.recipe import Recipe
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import Episodes, EpisodeSampler
from imaml.tasks.sinusoid import SinusoidSampler
from imaml.tasks.split import Split
from imaml.training import evaluation
from imaml.training.evaluation import evaluate
from imaml.training.fewshot import FewShot
from imaml.training.inner_loop import TASKS, query_losses
from imaml.training.learner import Architecture
from imaml.training.methods import adaptation_for

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
    scores = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=12)
    assert len(scores.accuracies) == 12
    assert scores.accuracy == pytest.approx(sum(scores.accuracies) / 12)
    assert scores.ci95 == pytest.approx(1.96 * statistics.stdev(scores.accuracies) / 12**0.5)
    assert [logits.shape for logits in scores.logits] == [(9, 3)] * 12
    right = [
        float((logits.argmax(1) == labels).double().mean())
        for logits, labels in zip(scores.logits, scores.labels, strict=True)
    ]
    assert right == pytest.approx(scores.accuracies)


def test_the_first_episodes_score_the_same_however_many_follow(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=7)
    monkeypatch.setattr(evaluation, "EXAMPLES_AT_ONCE", 1)
    few = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=4)
    assert few.accuracies == many.accuracies[:4]


def test_zero_steps_score_what_the_centre_scores(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler
) -> None:
    still = Recipe("gradient_descent", max_steps=0, inner_lr=0.1, lam=0.5)
    scores = evaluate(FewShot(predictor), still, theta, sampler, episodes=6)
    assert scores.accuracies == scores.accuracies_unadapted
    moved = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=6)
    assert moved.accuracies_unadapted == scores.accuracies


def test_the_transductive_protocol_is_another_one(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler
) -> None:
    inductive = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=6)
    transductive = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=6, transductive=True)
    assert not torch.equal(torch.stack(inductive.logits), torch.stack(transductive.logits))


def test_progress_is_heard_to_the_end(predictor: Predictor, theta: Tensor, sampler: EpisodeSampler) -> None:
    heard: list[int] = []
    evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=5, progress=heard.append)
    assert heard[-1] == 5
    assert heard == sorted(heard)


def test_regression_is_scored_by_the_variance_that_is_explained() -> None:
    architecture = Architecture(filters=8, head="plain", ways=1, network="mlp", length=1, task="regression")
    predictor = architecture.predictor()
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    sampler = SinusoidSampler(shots=10, queries=10, seed=0)
    tasks = sampler.batch(0, 3)
    scores = evaluate(FewShot(predictor), RECIPE, theta, sampler, episodes=3)
    outputs = torch.stack([predictor.query_outputs(theta, query, torch.empty(0)) for query in tasks.query])
    for score, output, target in zip(scores.accuracies_unadapted, outputs, tasks.query_targets, strict=True):
        explained = 1 - (output - target).var(correction=0) / target.var(correction=0)
        bias = (output - target).mean() ** 2 / target.var(correction=0)
        assert score == pytest.approx(max(0.0, float(explained - bias)), abs=1e-5)
    assert not scores.logits


def test_query_losses_are_those_of_solving_so_far(
    predictor: Predictor, theta: Tensor, sampler: EpisodeSampler
) -> None:
    problem, recipe = FewShot(predictor), replace(RECIPE, max_steps=5)
    losses = query_losses(problem, recipe, theta, sampler)
    assert [*losses] == [0, 1, 2, 4, 5]
    tasks = sampler.batch(0, TASKS, 0)
    adaptation = adaptation_for(problem, recipe)
    centres = adaptation.centres(theta, tasks).detach()
    for steps, phi in ((0, centres), (5, adaptation.solve(centres, tasks).value)):
        each = (Episodes(*(field[index] for field in tasks)) for index in range(TASKS))
        expected = [float(problem.outer_loss(*pair)) for pair in zip(phi, each, strict=True)]
        assert losses[steps] == pytest.approx(statistics.fmean(expected), rel=1e-5)
