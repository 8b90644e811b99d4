"""Gradient dropout in the inner loop (Tseng et al. 2020: Regularizing Meta-Learning via Gradient Dropout)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from imaml.solvers.objective import Objective


@dataclass(frozen=True)
class GradientDropout:
    """Multiplies every coordinate of every inner gradient by noise of mean 1 and variance rate / (1 − rate).

    `bernoulli`: 0 with probability `rate`, else 1 / (1 − rate). `gaussian`: normal. The noise of a task
    depends on (seed, meta-step, task, inner step) alone, however the tasks are cut into batches. Noise leaves
    no stationary point, so it does not go with the implicit gradient.
    """

    rate: float
    noise: Literal["bernoulli", "gaussian"] = "bernoulli"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ValueError(f"rate is {self.rate}; the share of dropped gradients is from 0 to below 1")

    def applied_to(self, objective: Objective, step: int, first_task: int) -> Objective:
        """The objective with noisy gradients, for one solve by a solver that takes one gradient a step.

        The residuals of that solve are of the noisy gradients too.
        """
        return _NoisyObjective(objective, self, step, first_task)

    def factors(self, gradient: Tensor, step: int, first_task: int, inner_step: int) -> Tensor:
        """Noise for the gradients of the tasks from `first_task` on, [tasks, size] as they are."""
        factors = torch.empty_like(gradient, requires_grad=False)
        for row, factor in enumerate(factors):
            key = np.random.SeedSequence((self.seed, step, first_task + row, inner_step))
            generator = torch.Generator(gradient.device)
            generator.manual_seed(int(key.generate_state(1, np.uint64)[0]))
            if self.noise == "bernoulli":
                factor.bernoulli_(1 - self.rate, generator=generator).div_(1 - self.rate)
            else:
                factor.normal_(1, (self.rate / (1 - self.rate)) ** 0.5, generator=generator)
        return factors


class _NoisyObjective:
    """An objective that counts its gradients, each of them one inner step, and drops from them."""

    def __init__(self, objective: Objective, dropout: GradientDropout, step: int, first_task: int) -> None:
        self._objective, self._dropout = objective, dropout
        self._step, self._first_task, self._inner_step = step, first_task, 0

    def value_and_gradient(self, point: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = self._objective.value_and_gradient(point)
        factors = self._dropout.factors(gradient, self._step, self._first_task, self._inner_step)
        self._inner_step += 1
        return loss, gradient * factors

    def curvature(self, point: Tensor) -> Callable[[Tensor], Tensor]:
        return self._objective.curvature(point)
