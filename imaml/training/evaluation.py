"""Accuracy on episodes: mean and 95 % confidence interval, after adaptation and before it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.nets.predictor import Predictor
from imaml.runtime.recipe import Recipe
from imaml.tasks.episodes import Episodes, EpisodeSampler
from imaml.training.fewshot import FewShot
from imaml.training.learner import inner_solver

IMAGES_AT_ONCE = 400  # bounds memory; more images in one call are not faster on a CPU


@dataclass(frozen=True)
class Scores:
    """Fractions of right answers in each episode, after adaptation and at the centre (0 steps)."""

    accuracies: list[float]
    accuracies_unadapted: list[float]
    confidences: list[float]
    """The highest probability of each query, after adaptation."""

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the episodes."""
        return fmean(self.accuracies)

    @property
    def ci95(self) -> float:
        """Half width of the 95 % confidence interval of the mean, 1.96 standard errors."""
        return 1.96 * stdev(self.accuracies) / sqrt(len(self.accuracies))

    @property
    def accuracy_unadapted(self) -> float:
        """Mean accuracy at the centre, before any step."""
        return fmean(self.accuracies_unadapted)


def evaluate(
    predictor: Predictor,
    recipe: Recipe,
    theta: Tensor,
    sampler: EpisodeSampler,
    episodes: int,
    transductive: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score θ on the first `episodes` (two or more) tasks of a sampler.

    Inductive by default: the answer to a query does not depend on the others. `transductive` normalises by
    the query batch instead, as the papers' code does. `progress` hears how many episodes are done.
    """
    problem = FewShot(predictor)
    adaptation = ProximalAdaptation(problem, inner_solver(recipe), recipe.lam)
    logits = problem.transductive_outputs if transductive else problem.query_outputs
    scores = Scores([], [], [])
    chunk = max(1, IMAGES_AT_ONCE // (sampler.ways * (sampler.shots + sampler.queries)))
    for first in range(0, episodes, chunk):
        tasks = sampler.batch(0, min(chunk, episodes - first), first)
        with torch.no_grad():
            centres = adaptation.centres(theta, tasks)
        solution = adaptation.solve(centres, tasks)
        with torch.no_grad():
            unadapted: Tensor = vmap(logits)(centres, tasks)
            probabilities: Tensor = vmap(logits)(solution.value, tasks).softmax(-1)
        confidence, answers = probabilities.max(-1)
        scores.accuracies.extend(_accuracy(answers, tasks))
        scores.accuracies_unadapted.extend(_accuracy(unadapted.argmax(-1), tasks))
        scores.confidences.extend(confidence.flatten().tolist())
        if progress:
            progress(len(scores.accuracies))
    return scores


def _accuracy(answers: Tensor, tasks: Episodes) -> list[float]:
    return (answers == tasks.query_labels).double().mean(1).tolist()
