"""The work that the benchmarks share: a batch of 5-way 1-shot tasks, and the implicit meta-gradient of it."""

from typing import NamedTuple

import torch
from torch import Tensor

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.compiled import CompiledProblem
from imaml.metagrads.implicit import ImplicitGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.tasks import glyphs
from imaml.tasks.episodes import Episodes, EpisodeSampler
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture

WAYS, SHOTS, QUERIES, TASKS, FILTERS = 5, 1, 5, 16, 64
STEPS, RATE, LAM, CG_STEPS = 16, 0.05, 1.0, 5
EPISODES = f"{WAYS}-way {SHOTS}-shot, {QUERIES} queries a class"
IN_WORDS = (
    f"{EPISODES}, {TASKS} tasks, Conv4-{FILTERS} with a linear head, {STEPS} inner steps, {CG_STEPS} CG steps"
)


class Learner(NamedTuple):
    """A problem, and θ for it."""

    problem: FewShot
    theta: Tensor


def learner(device: torch.device) -> Learner:
    """A network as it is before training."""
    predictor = Architecture(filters=FILTERS, head="plain", ways=WAYS).predictor()
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    return Learner(FewShot(predictor), theta.to(device))


def implicit(
    problem: FewShot, compiled: CompiledProblem[Episodes] | None = None
) -> ImplicitGradient[Episodes]:
    """The meta-gradient of it."""
    adaptation = ProximalAdaptation(problem, GradientDescent(STEPS, RATE), lam=LAM, compiled=compiled)
    return ImplicitGradient(adaptation, ConjugateGradient(CG_STEPS))


def sampler(device: torch.device, classes: int = 20) -> EpisodeSampler:
    """Tasks of so many generated characters, quarter turns included, as the trainer draws them."""
    dataset = glyphs.generate(classes=classes, examples=SHOTS + QUERIES)
    return EpisodeSampler(
        dataset, dataset.class_names, WAYS, SHOTS, QUERIES, seed=0, rotations=True, device=device
    )


def episodes(tasks: int, device: torch.device) -> Episodes:
    """One batch of them."""
    return sampler(device).batch(0, tasks)
