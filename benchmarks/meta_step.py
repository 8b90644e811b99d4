"""One implicit meta-gradient of 16 tasks in one vectorised call, against a loop over single tasks."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.timing import Row, compare
from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.tasks import glyphs
from imaml.tasks.episodes import Episodes, EpisodeSampler
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture

TASKS = 16


def rows(threads: int) -> Iterator[Row]:
    """5-way 1-shot, Conv4-64, 16 inner steps, 5 conjugate-gradient steps."""
    torch.set_num_threads(threads)
    predictor = Architecture(filters=64, head="prototype", ways=5).predictor()
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    adaptation = ProximalAdaptation(FewShot(predictor), GradientDescent(16, 0.2), lam=0.1)
    method = ImplicitGradient(adaptation, ConjugateGradient(5))
    dataset = glyphs.generate(classes=20, examples=8)
    tasks = EpisodeSampler(dataset, dataset.class_names, 5, 1, 5, seed=0).batch(0, TASKS)

    def loop() -> Tensor:
        single = (Episodes(*(part[task : task + 1] for part in tasks)) for task in range(TASKS))
        return torch.stack([method.solve(theta, task).value for task in single]).mean(0)

    name = f"meta-gradient of {TASKS} tasks, {threads} thread{'s' * (threads > 1)}"
    yield compare(name, lambda: method.solve(theta, tasks), loop, pairs=5)
