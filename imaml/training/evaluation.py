"""Accuracy on episodes: mean and 95 % confidence interval, after adaptation and before it.

For regression the accuracy of an episode is the share of its queries' variance that is explained (R²), at
least 0.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

import torch
from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.nets.losses import SquaredError
from imaml.runtime.recipe import Recipe
from imaml.tasks.episodes import Episodes
from imaml.tasks.mixture import Sampler
from imaml.training.fewshot import FewShot
from imaml.training.interval import ci95
from imaml.training.methods import adaptation_for

EXAMPLES_AT_ONCE = 400  # bounds memory; more of them in one call are not faster on a CPU


@dataclass(frozen=True)
class Scores:
    """Fractions of right answers in each episode, after adaptation and at the centre (0 steps)."""

    accuracies: list[float]
    accuracies_unadapted: list[float]
    logits: list[Tensor] = field(default_factory=list[Tensor])
    """Of the queries of each episode after adaptation, [queries, ways]; none for regression."""
    labels: list[Tensor] = field(default_factory=list[Tensor])
    """Of the same."""

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the episodes."""
        return fmean(self.accuracies)

    @property
    def ci95(self) -> float:
        """Half width of the 95 % confidence interval of the mean."""
        return ci95(self.accuracies)

    @property
    def accuracy_unadapted(self) -> float:
        """Mean accuracy at the centre, before any step."""
        return fmean(self.accuracies_unadapted)


def evaluate(
    problem: FewShot,
    recipe: Recipe,
    theta: Tensor,
    sampler: Sampler,
    episodes: int,
    transductive: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score θ on the first `episodes` (two or more) tasks of a sampler.

    Inductive by default: the answer to a query does not depend on the others. `transductive` normalises by
    the query batch instead, as the papers' code does. `progress` hears how many episodes are done.
    """
    adaptation = adaptation_for(problem, recipe)
    outputs = problem.transductive_outputs if transductive else problem.query_outputs
    regression = isinstance(problem.predictor.loss, SquaredError)
    score = _explained if regression else _accuracy
    scores = Scores([], [])
    chunk = max(1, EXAMPLES_AT_ONCE // (sampler.ways * (sampler.shots + sampler.queries)))
    for first in range(0, episodes, chunk):
        tasks = sampler.batch(0, min(chunk, episodes - first), first)
        with torch.no_grad():
            centres = adaptation.centres(theta, tasks)
        solution = adaptation.solve(centres, tasks)
        with torch.no_grad():
            unadapted: Tensor = vmap(outputs)(centres, tasks)
            adapted: Tensor = vmap(outputs)(solution.value, tasks)
        scores.accuracies.extend(score(adapted, tasks))
        scores.accuracies_unadapted.extend(score(unadapted, tasks))
        if not regression:
            scores.logits.extend(adapted.cpu())
            scores.labels.extend(tasks.query_labels.cpu())
        if progress:
            progress(len(scores.accuracies))
    return scores


def _accuracy(outputs: Tensor, tasks: Episodes) -> list[float]:
    return (outputs.argmax(-1) == tasks.query_labels).double().mean(1).tolist()


def _explained(outputs: Tensor, tasks: Episodes) -> list[float]:
    targets = tasks.query_targets
    left = (outputs - targets).square().sum((1, 2))
    variance = (targets - targets.mean(1, keepdim=True)).square().sum((1, 2))
    return (1 - left / variance).clamp_min(0).double().tolist()
