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
    gradient: Array
    """With the proximal term."""
    residual: float
    """The gradient's norm."""
    logits: Array
    moments: Array


Direction = Callable[[Point], Array]
"""From a point that a solver has reached, asked once for each, to the step that it would take from there."""


@dataclass(frozen=True)
class Objective:
    """The inner problem of one support set."""

    graphs: Graphs
    images: Array
    targets: Array
    centre: Array
    strengths: float | Array
    """λ, one for all coordinates of φ or one for each."""

    def at(self, phi: Array) -> Point:
        """Evaluate it at φ."""
        loss, gradient, logits, moments = self.graphs.value_and_gradient(phi, self.images, self.targets)
        gradient += self.strengths * (phi - self.centre)
        return Point(phi, loss, gradient, float(np.linalg.norm(gradient)), logits, moments)

    def value(self, point: Point) -> float:
        """The loss with the proximal term."""
        offset = point.phi - self.centre
        return point.loss + float((self.strengths * offset) @ offset) / 2

    def curvature(self, phi: Array) -> Callable[[Array], Array]:
        """The product with the Hessian at φ, the proximal term's included."""

        def product(p: Array) -> Array:
            image = self.graphs.curvature_product(phi, self.images, self.targets, p)
            image += self.strengths * p
            return image

        return product
