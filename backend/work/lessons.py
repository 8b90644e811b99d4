"""From a request's examples to an adaptation that can be stored."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from backend.messages import inputs
from backend.messages.requests import MoreExamples
from backend.problems import Problem
from backend.settings import Settings
from backend.work import stored
from imaml.runtime.adaptation import Adapted, Solution, adapt
from imaml.runtime.inputs import Vectors
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe, RecipeError
from imaml.runtime.support import Examples, Support
from imaml.store import Adaptation, utc_now


@dataclass(frozen=True)
class Lesson:
    """What to learn from, by which recipe."""

    model: MetaModel
    recipe: Recipe
    examples: Examples
    targets: list[Any]
    """Labels, or in regression numbers."""
    titles: list[str]
    """How messages call each example."""
    name: str | None = None
    expires_at: datetime | None = None
    """When to forget what was learned, unless the request says otherwise."""

    @cached_property
    def support(self) -> Support:
        """The examples as the model learns from them."""
        kind = Support.of_numbers if self.model.regression else Support.of
        return kind(self.examples, self.targets)


@dataclass(frozen=True)
class Taught:
    """An adaptation with all that is to be stored of it."""

    adaptation: Adaptation
    adapted: Adapted
    parameters: bytes
    examples: bytes | None


def first_lesson(body: MoreExamples, model: MetaModel, settings: Settings) -> Lesson:
    """Prepare the examples of a request; raises Problem, RecipeError."""
    check_limits(body, settings)
    default_ttl = settings.default_ttl_seconds
    recipe = _recipe(body, model.recipe)
    titles = inputs.titles(body.examples, "examples")
    targets = inputs.targets(body.examples, model)
    _check_classes(targets, model, settings)
    return Lesson(
        model=model,
        recipe=recipe,
        examples=inputs.read(body.examples, model.input, "examples", titles, settings),
        targets=targets,
        titles=titles,
        expires_at=utc_now() + timedelta(seconds=default_ttl) if default_ttl else None,
    )


def next_lesson(
    body: MoreExamples, model: MetaModel, settings: Settings, before: Adaptation, examples: bytes
) -> Lesson:
    """Prepare the stored examples of an adaptation and those of a request; raises Problem, RecipeError."""
    added = first_lesson(body, model, settings)
    earlier, targets = stored.unpack_support(examples, model.input)
    total = len(targets) + len(added.targets)
    if total > settings.max_examples:
        raise Problem(
            413, "too-many", f"There would be {total} examples; {settings.max_examples} are allowed."
        )
    _check_classes([*targets, *added.targets], model, settings)
    recipe = {name: value for name, value in before.recipe.items() if name != "validated"}
    return Lesson(
        model=model,
        recipe=_recipe(body, Recipe(**recipe)),
        examples=np.concatenate([earlier, added.examples]),
        targets=[*targets, *added.targets],
        titles=[*(f"stored example {index}" for index in range(len(targets))), *added.titles],
        name=before.name,
        expires_at=before.expires_at,
    )


def teach(model_id: str, lesson: Lesson, body: MoreExamples, settings: Settings) -> Taught:
    """Adapt the model; raises SupportError, RecipeError, Diverged."""
    model, support = lesson.model, lesson.support
    deadline_ms = body.deadline_ms or settings.max_deadline_ms
    adapted, solution = adapt(model, support, lesson.recipe, deadline_seconds=deadline_ms / 1e3)
    validated = lesson.recipe in model.validated
    measured = model.measured(support)
    adaptation = Adaptation(
        model_id=model_id,
        name=body.name or lesson.name,
        classes=list(adapted.classes),
        recipe={**asdict(lesson.recipe), "validated": validated},
        solution=asdict(solution),
        unknown_threshold=measured and measured.unknown_threshold,
        warnings=[*_doubts(lesson, solution, validated)],
        expires_at=utc_now() + timedelta(seconds=body.ttl_seconds) if body.ttl_seconds else lesson.expires_at,
    )
    examples = None
    if body.store_examples:
        examples = stored.pack_examples(lesson.examples, lesson.targets, model.input)
    return Taught(adaptation, adapted, stored.pack_parameters(adapted), examples)


def check_limits(body: MoreExamples, settings: Settings) -> None:
    """Refuse what is more than the settings allow."""
    limits = {
        "max_steps": (body.max_steps, settings.max_inner_steps),
        "deadline_ms": (body.deadline_ms, settings.max_deadline_ms),
        "ttl_seconds": (body.ttl_seconds, settings.max_ttl_seconds),
    }
    for name, (value, most) in limits.items():
        if value is not None and value > most:
            raise Problem(422, "over-the-limit", f"{name} is {value}; it must be {most} at most.")


def _check_classes(targets: list[Any], model: MetaModel, settings: Settings) -> None:
    classes = 0 if model.regression else len(set(targets))
    if classes > settings.max_classes:
        raise Problem(413, "too-many", f"There are {classes} classes; {settings.max_classes} are allowed.")


def _recipe(body: MoreExamples, default: Recipe) -> Recipe:
    """Return the default recipe with what the request asks for instead."""
    if body.lam is not None and body.lam <= 0:
        raise RecipeError(f"lam is {body.lam}; it must be a number above 0.")
    names = {"solver", "max_steps", "inner_lr", "lam", "tolerance"}
    return replace(default, **body.model_dump(include=names, exclude_none=True))


def _doubts(lesson: Lesson, solution: Solution, validated: bool) -> Iterator[str]:
    """Say what makes the adaptation doubtful."""
    if not validated:
        yield "The recipe is not the model's own: how well it does has not been validated."
    if solution.stop_reason == "deadline":
        yield f"The deadline ended the adaptation after {solution.steps} of {lesson.recipe.max_steps} steps."
    if solution.stop_reason == "line_search":
        yield (
            f"The solver found no step that helps after {solution.steps} of {lesson.recipe.max_steps}: "
            "it is as near to the solution as rounding lets it come, or lam is too small."
        )
    if solution.stop_reason == "negative_curvature":
        yield (
            f"The problem curves downwards after {solution.steps} of {lesson.recipe.max_steps} steps, and no "
            "step helps: raise lam."
        )
    yield from _blanks(lesson)
    if not lesson.model.regression:
        yield from _oddities(lesson, solution)
        yield from _contradictions(lesson)


def _oddities(lesson: Lesson, solution: Solution) -> Iterator[str]:
    """Say what is unusual about a support set of classes."""
    support = lesson.support
    counts = np.bincount(support.labels)
    if counts.min() < counts.max():
        yield (
            f"The classes have from {counts.min()} to {counts.max()} examples; each class weighs the same, "
            "so that an example of a small one weighs more."
        )
    measured = lesson.model.measured(support)
    if measured and solution.home_distance and solution.home_distance > measured.home_threshold:
        yield (
            "The examples are unlike those that the model was trained on (they lie "
            f"{solution.home_distance:.2g} from them, where up to {measured.home_threshold:.2g} is usual): "
            "do not rely on the answers before you have tried some."
        )


def _blanks(lesson: Lesson) -> Iterator[str]:
    for example, title in zip(lesson.examples, lesson.titles, strict=True):
        if _is_blank(example, lesson.model):
            yield f"{title} is blank: there is no figure in it."


def _is_blank(example: Examples, model: MetaModel) -> bool:
    return not isinstance(model.input, Vectors) and example.min() == example.max()


def _contradictions(lesson: Lesson) -> Iterator[str]:
    """Name the examples that are the same to the model, but not to whoever labelled them."""
    targets, titles = lesson.targets, lesson.titles
    first: dict[bytes, int] = {}
    for index, example in enumerate(lesson.examples):
        earlier = first.setdefault(example.tobytes(), index)
        if targets[earlier] != targets[index] and not _is_blank(example, lesson.model):
            yield (
                f"{titles[earlier]} and {titles[index]} look the same to the model, "
                f"but one is labelled {targets[earlier]!r} and the other {targets[index]!r}."
            )
