"""The inner problem, L(φ) + ½ Σ λ_j (φ_j − c_j)², over a model's graphs."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imaml.runtime.graphs import Array, Graphs


class DeadlinePassed(Exception):
    """There is no time for another evaluation of a graph."""


@dataclass(frozen=True)
class Point:
    """The inner problem at one φ."""

    phi: Array
    loss: float
    """L, without the proximal term."""
    value: float
    """L with the proximal term."""
    gradient: Array
    """With the proximal term."""
    residual: float
    """The gradient's norm."""
    logits: Array
    features: Array
    moments: Array


Direction = Callable[[Point], Array]
"""From a point that a solver has reached, asked once for each, to the step that it would take from there."""


@dataclass(frozen=True)
class Objective:
    """The inner problem of one support set."""

    graphs: Graphs
    seen: Array
    targets: Array
    centre: Array
    strengths: float | Array
    """λ, one for all coordinates of φ or one for each."""
    deadline: float = math.inf
    """By `time.perf_counter`: from then on `at` and `curvature` raise DeadlinePassed and evaluate nothing."""

    def at_centre(self) -> Point:
        """Evaluate it where every adaptation starts, however late it is."""
        return self._evaluate(self.centre)

    def at(self, phi: Array) -> Point:
        """Evaluate it at φ."""
        self._check_time()
        return self._evaluate(phi)

    def curvature(self, phi: Array) -> Callable[[Array], Array]:
        """The product with the Hessian at φ, the proximal term's included."""

        def product(p: Array) -> Array:
            self._check_time()
            image = self.graphs.curvature_product(phi, self.seen, self.targets, p)
            image += self.strengths * p
            return image

        return product

    def _check_time(self) -> None:
        if time.perf_counter() >= self.deadline:
            raise DeadlinePassed

    def _evaluate(self, phi: Array) -> Point:
        loss, gradient, *rest = self.graphs.value_and_gradient(phi, self.seen, self.targets)
        offset = phi - self.centre
        pull = offset * self.strengths
        value = loss + float(pull @ offset) / 2
        gradient += pull
        return Point(phi, loss, value, gradient, float(np.linalg.norm(gradient)), *rest)
