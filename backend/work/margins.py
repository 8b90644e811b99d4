"""What the stored examples of an adaptation say of each other, by leaving one out after the other."""

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from backend.problems import Problem
from backend.settings import Settings
from backend.work import stored
from backend.work.engine import Engine, LoadedModel
from imaml.runtime.leave_one_out import LeftOut, can_leave_out, leave_out, refined_threshold
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.store import Adaptation


@dataclass(frozen=True)
class Examined:
    """A stored support set, and what was learned without each of its examples."""

    support: Support
    left_out: dict[int, LeftOut]
    """By place in the support set; examples that are alone in their class are not among them."""

    def margins(self) -> list[float | None]:
        """By place among the examples as they were sent."""
        margins: list[float | None] = [None] * len(self.support.order)
        for place, found in self.left_out.items():
            margins[self.support.order[place]] = found.margin
        return margins


async def examine(
    engine: Engine, loaded: LoadedModel, adaptation: Adaptation, examples: bytes, settings: Settings
) -> Examined:
    """Learn anew without each example that has others in its class, for as long as the settings allow.

    Half of the workers are left to those who wait for a first answer. Raises Problem in regression.
    """
    model = loaded.meta
    if model.regression:
        raise Problem(422, "no-classes", "The model predicts numbers; margins and thresholds are of classes.")
    images, labels = await engine.run(stored.unpack_support, examples, model.input)
    support = Support.of(images, [str(label) for label in labels])
    recipe = Recipe(**{name: value for name, value in adaptation.recipe.items() if name != "validated"})
    places = [place for place in range(len(labels)) if can_leave_out(support, place)]
    # In an order in which every class has its turn early, since time may be short.
    np.random.default_rng(0).shuffle(places)
    found: dict[int, LeftOut] = {}
    end = time.monotonic() + settings.leave_one_out_seconds
    at_once = max(1, settings.workers // 2)
    for first in range(0, len(places), at_once):
        if time.monotonic() >= end:
            break
        part = places[first : first + at_once]
        results = await asyncio.gather(
            *(engine.run(leave_out, model, support, recipe, place) for place in part)
        )
        found |= zip(part, results, strict=True)
    return Examined(support, found)


def refine(loaded: LoadedModel, examined: Examined) -> float:
    """The unknown threshold for this support set. Raises Problem where a class has one example alone."""
    support, calibration = examined.support, loaded.meta.calibration
    alone = [support.classes[k] for k, count in enumerate(np.bincount(support.labels)) if count == 1]
    if alone:
        raise Problem(
            422,
            "too-few-examples",
            f"The class {alone[0]!r} has one example; a threshold is refined where each has two or more.",
        )
    assert calibration is not None
    return refined_threshold(calibration, support, list(examined.left_out.values()))
