"""The inner problem, L(φ) + ½ Σ λ_j (φ_j − c_j)², over a model's graphs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imaml.runtime.graphs import Array, Graphs


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

    def at(self, phi: Array) -> Point:
        """Evaluate it at φ."""
        loss, gradient, *rest = self.graphs.value_and_gradient(phi, self.seen, self.targets)
        offset = phi - self.centre
        pull = offset * self.strengths
        value = loss + float(pull @ offset) / 2
        gradient += pull
        return Point(phi, loss, value, gradient, float(np.linalg.norm(gradient)), *rest)

    def curvature(self, phi: Array) -> Callable[[Array], Array]:
        """The product with the Hessian at φ, the proximal term's included."""

        def product(p: Array) -> Array:
            image = self.graphs.curvature_product(phi, self.seen, self.targets, p)
            image += self.strengths * p
            return image

        return product
