"""Results put into words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import sqrt
from typing import Any, Literal, cast

from imaml.client import Adaptation, Evaluation, Experiment, Model, Recipe, Solution


def plain(text: str) -> str:
    """Return Markdown that shows a text as it is."""
    return re.sub(r"([\\`*_\[\]#:$~<>|])", r"\\\1", text)


def badge(text: str) -> str:
    """Return what a badge shows as that text; of Markdown's signs it escapes brackets itself."""
    return plain(text).replace("\\[", "[").replace("\\]", "]")


def count(number: int, thing: str, things: str | None = None) -> str:
    """Return a number with its noun, as in "1 class" and "5 classes"."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def percent(share: float) -> str:
    """Return a share as a percentage that says 100 or 0 only where it is that."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 <= share < 1:
        return ">99.9 %"
    return f"{100 * share:.{0 if 0.01 <= share <= 0.99 or share in (0, 1) else 1}f} %"


def share(right: int, total: int, thing: str = "image") -> str:
    """Return how many are right, as a share with its 95 % interval (Wilson's of 1927, for small numbers)."""
    z = 1.96
    middle = (right + z * z / 2) / (total + z * z)
    half = z * sqrt(right * (total - right) / total + z * z / 4) / (total + z * z)
    low, high = (f"{100 * bound:.0f}" for bound in (max(middle - half, 0), min(middle + half, 1)))
    of = f"{right} of {count(total, thing)} right"
    return f"{of}: {percent(right / total)}, 95 % interval {low} to {high} %."


def size(number: int) -> str:
    """Return a number of bytes at a readable precision."""
    return f"{number / 2**20:.3g} MiB" if number >= 2**19 else f"{number / 2**10:.3g} KiB"


def duration(milliseconds: float) -> str:
    """Return a duration at a readable precision."""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{max(milliseconds, 1):.0f} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def learned(adaptation: Adaptation, examples: int) -> str:
    """Return the outcome of a lesson."""
    classes = count(len(adaptation.classes), "class", "classes")
    took = duration(adaptation.solution.duration_ms)
    return f"Learned {classes} from {count(examples, 'example')} in {took}."


def stopped(solution: Solution, recipe: Recipe) -> str:
    """Return why the inner solver stopped."""
    after = f"Stopped after {count(solution.steps, 'step')}"
    match solution.stop_reason:
        case "tolerance":
            return f"{after}: the residual came down to the tolerance {recipe.tolerance:g}, so it converged."
        case "deadline":
            return f"{after}: the deadline passed, so the lesson is less thorough than the recipe asks for."
        case "line_search":
            return f"{after}: no further step came closer to the solution than rounding lets it."
        case "step_limit":
            return f"{after}: that is as far as the model's recipe goes."
        case other:
            return f"{after}: {other.replace('_', ' ')}."


def recipe(value: Recipe) -> str:
    """Return how a model adapts."""
    steps = count(value.max_steps, "step")
    rate = "" if value.solver in ("newton_cg", "l_bfgs") else f", rate {value.inner_lr:g}"
    return f"{steps} of {solver(value.solver)}{rate}, λ {value.lam:g}"


def solver(name: str) -> str:
    """Return the name of an inner solver as it is written."""
    return {"newton_cg": "Newton-CG", "l_bfgs": "L-BFGS"}.get(name, name.replace("_", " "))


def ways(model: Model) -> str:
    """Return how many classes a model tells apart."""
    return "a number" if model.task == "regression" else f"{model.ways.min} to {model.ways.max}"


def inputs(model: Model) -> str:
    """Return what a model takes."""
    if not model.takes_images:
        return f"vectors of {count(model.input['length'], 'number')}"
    size = f"{model.input['height']} × {model.input['width']} pixels"
    return f"images, seen as {size} {'in grey' if model.input['channels'] == 1 else 'in colour'}"


def called(adaptation: Adaptation) -> str:
    """Return what an adaptation is called: by its name, or else its classes."""
    return adaptation.name or some(adaptation.classes) or f"Numbers, {moment(adaptation.created_at)}"


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first of many names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def about(model: Model) -> str:
    """Return what a model is good for."""
    if model.task == "regression":
        purpose = "Predicts a number"
    else:
        purpose = f"Tells {model.ways.min} to {model.ways.max} classes apart"
    given = "" if model.takes_images else f" from {count(model.input['length'], 'feature')}"
    return f"Meta-trained on {model.dataset}. {purpose}{given} and adapts with {recipe(model.recipe)}."


def moment(time: datetime) -> str:
    """Return a moment to the minute, in UTC."""
    return f"{time.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def status_colour(status: str) -> Literal["blue", "green", "orange", "red"]:
    """Return the theme's colour for the status of an experiment."""
    match status:
        case "running":
            return "blue"
        case "completed":
            return "green"
        case "interrupted":
            return "orange"
        case _:
            return "red"


def progress(experiment: Experiment) -> str:
    """Return how far an experiment came."""
    if experiment.step == experiment.total_steps:
        return count(experiment.total_steps, "meta-step")
    return f"{experiment.step:,} of {count(experiment.total_steps, 'meta-step')}"


def task(evaluation: Evaluation) -> str:
    """Return the kind of task of an evaluation; of numbers the accuracy is the variance explained."""
    if evaluation.ways == 1:
        return f"{count(evaluation.shots, 'number')}, R²"
    return f"{evaluation.ways}-way {evaluation.shots}-shot"


def accuracy(share: float, ci95: float | None = None) -> str:
    """Return an accuracy, with its 95 % confidence interval where that is known."""
    return f"{100 * share:.1f} %" if ci95 is None else f"{100 * share:.1f} ± {100 * ci95:.1f} %"


def setting(name: str) -> str:
    """Return the name of a setting as it is written."""
    plainly = {"lam": "λ", "inner_lr": "inner rate", "meta_lr": "meta-rate"}
    return plainly.get(name, name.replace("_", " "))


def flattened(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and value of every setting; those of a nested group stand alone."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flattened(cast("dict[str, Any]", value))
        else:
            yield setting(name), _shown(value)


def _shown(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
