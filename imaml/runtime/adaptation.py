"""The adaptation loop: from a support set to φ, by the recipe, over the model's graphs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.graphs import Array
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe


class SupportError(ValueError):
    """A support set that cannot be learned from; the message is a sentence for the caller."""


class Diverged(ValueError):
    """The inner problem left the finite numbers; the message says what to change."""


@dataclass(frozen=True)
class Point:
    """The inner problem after `step` steps: loss on the support set, and residual norm."""

    step: int
    loss: float
    residual: float


@dataclass(frozen=True)
class Solution:
    """How far the inner solver went, measured at the φ that is returned."""

    steps: int
    converged: bool
    stop_reason: Literal["tolerance", "step_limit", "deadline"]
    residual: float
    """‖∇L(φ) + λ(φ − c)‖₂"""
    support_loss: float
    support_accuracy: float
    distance: float
    """‖φ − c‖₂"""
    trace: tuple[Point, ...]
    duration_ms: float
    """Wall time from decoded examples to φ."""


@dataclass(frozen=True)
class Support:
    """A support set in canonical order, so that φ does not depend on the order in which it came."""

    images: NDArray[np.uint8]
    """[n, 28, 28], sorted within each class."""
    classes: tuple[str, ...]
    """Sorted labels."""
    labels: NDArray[np.int64]
    """[n], positions in `classes`, ascending."""
    order: tuple[int, ...]
    """Where each example was in what came."""

    @classmethod
    def of(cls, images: NDArray[np.uint8], labels: Sequence[str]) -> "Support":
        """Sort examples by label, then by content."""
        order = sorted(range(len(labels)), key=lambda i: (labels[i], images[i].tobytes()))
        classes = tuple(sorted(set(labels)))
        positions = {label: position for position, label in enumerate(classes)}
        return cls(
            images=images[order],
            classes=classes,
            labels=np.array([positions[labels[i]] for i in order], np.int64),
            order=tuple(order),
        )

    @property
    def targets(self) -> Array:
        """One-hot rows [n, ways], weighted so that every class weighs the same; they sum to 1."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        one_hot = np.eye(len(self.classes), dtype=np.float32)[self.labels]
        return (one_hot / (counts * len(self.classes))).astype(np.float32)

    @property
    def shots(self) -> float:
        """Mean number of examples of a class."""
        return len(self.labels) / len(self.classes)


@dataclass(frozen=True)
class Adapted:
    """Task parameters with what belongs to them. A prediction is a function of these and one image."""

    phi: Array
    moments: Array
    classes: tuple[str, ...]
    unknown_threshold: float


def adapt(
    model: MetaModel, support: Support, recipe: Recipe, deadline_seconds: float | None = None
) -> tuple[Adapted, Solution]:
    """Solve the proximal problem on a support set.

    A deadline that passes ends the loop after the step under way, with the φ reached. Raises SupportError
    for too few or too many classes, and Diverged where the loss or its gradient is not finite.
    """
    ways = len(support.classes)
    if not model.min_ways <= ways <= model.max_ways:
        raise SupportError(
            f"The examples have {ways} different label{'s' * (ways != 1)}; "
            f"this model learns {model.min_ways} to {model.max_ways} classes."
        )
    started = time.perf_counter()
    images = to_input(support.images)
    targets = support.targets
    centre = model.graphs.centre(model.theta, images, targets)
    phi = centre.copy()
    trace: list[Point] = []
    step = 0
    while True:
        loss, gradient, logits, moments = model.graphs.value_and_gradient(phi, images, targets)
        with np.errstate(over="ignore", invalid="ignore"):  # Diverged says it better
            gradient += np.float32(recipe.lam) * (phi - centre)
            residual = float(np.linalg.norm(gradient))
        if not (np.isfinite(loss) and np.isfinite(residual)):
            raise Diverged(
                f"The adaptation left the finite numbers at step {step} with inner_lr {recipe.inner_lr} "
                f"and lam {recipe.lam}; lower one of them."
            )
        trace.append(Point(step, loss, residual))
        if recipe.tolerance and residual <= recipe.tolerance:
            stop_reason = "tolerance"
            break
        if step == recipe.max_steps:
            stop_reason = "step_limit"
            break
        if deadline_seconds is not None and time.perf_counter() - started >= deadline_seconds:
            stop_reason = "deadline"
            break
        with np.errstate(over="ignore", invalid="ignore"):
            phi -= np.float32(recipe.inner_lr) * gradient
        step += 1
    solution = Solution(
        steps=step,
        converged=stop_reason == "tolerance",
        stop_reason=stop_reason,
        residual=residual,
        support_loss=loss,
        support_accuracy=float((logits.argmax(1) == support.labels).mean()),
        distance=float(np.linalg.norm(phi - centre)),
        trace=tuple(trace),
        duration_ms=(time.perf_counter() - started) * 1e3,
    )
    threshold = model.unknown_threshold(ways, support.shots)
    return Adapted(phi, moments, support.classes, threshold), solution


def to_input(images: NDArray[np.uint8]) -> Array:
    """Preprocessed images [n, 28, 28] as the graphs take them, [n, 1, 28, 28] between 0 and 1."""
    return (images[:, None] / np.float32(255)).astype(np.float32)
