"""Baselines: supervised training learns, and a probe leaves the features alone."""

import pytest
import torch

from imaml.nets.conv4 import Conv4
from imaml.runtime.recipe import Recipe
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import EpisodeSampler
from imaml.tasks.split import Split
from imaml.training.baselines import LinearProbe, Pretraining, transferred
from imaml.training.evaluation import evaluate
from imaml.training.fewshot import FewShot
from imaml.training.methods import adaptation_for

RECIPE = Recipe("gradient_descent", max_steps=3, inner_lr=0.5, lam=0.0)
NETWORK = Conv4(filters=8)


@pytest.mark.parametrize("multi_task", [False, True])
def test_pretraining_makes_its_loss_smaller_and_repeats_itself(
    dataset: Dataset, parts: Split, multi_task: bool
) -> None:
    losses: list[float] = []
    pretraining = Pretraining(40, multi_task, ways=4, examples=2, learning_rate=5e-3)
    first = pretraining.train(NETWORK, dataset, parts.train, 0, lambda step, loss: losses.append(loss))
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])
    assert first.shape == (NETWORK.layout.size,)
    assert torch.equal(first, pretraining.train(NETWORK, dataset, parts.train, 0))


def test_only_the_classes_of_a_task_compete_in_multi_task_training(dataset: Dataset, parts: Split) -> None:
    first: list[float] = []
    for multi_task in (False, True):
        pretraining = Pretraining(1, multi_task, ways=4, examples=2)
        pretraining.train(NETWORK, dataset, parts.train, 0, lambda step, loss: first.append(loss))
    everyone, four = first
    assert everyone > four


def test_a_transferred_network_starts_undecided(dataset: Dataset, parts: Split) -> None:
    sampler = EpisodeSampler(dataset, parts.train, ways=3, shots=1, queries=2, seed=0)
    parameters = NETWORK.initialise(torch.Generator().manual_seed(0))
    predictor, theta = transferred(NETWORK, parameters, 3)
    scores = evaluate(FewShot(predictor), RECIPE, theta, sampler, 2)
    assert scores.accuracies_unadapted == pytest.approx([1 / 3] * 2)
    assert torch.equal(theta[: NETWORK.layout.size], parameters)


def test_a_probe_moves_the_last_layer_alone(dataset: Dataset, parts: Split) -> None:
    tasks = EpisodeSampler(dataset, parts.train, ways=3, shots=1, queries=2, seed=0).batch(0, 2)
    predictor, theta = transferred(NETWORK, NETWORK.initialise(torch.Generator().manual_seed(0)), 3)
    for problem, moves in ((LinearProbe(predictor), False), (FewShot(predictor), True)):
        adaptation = adaptation_for(problem, RECIPE)
        centres = adaptation.centres(theta, tasks)
        moved = adaptation.solve(centres, tasks).value != centres
        size = NETWORK.layout.size
        assert moved[:, size:].any()
        assert bool(moved[:, :size].any()) == moves
