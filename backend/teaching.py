"""From a request's examples to an adaptation that can be stored."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import numpy as np

from backend import images, stored
from backend.images import Drawings
from backend.problems import Problem
from backend.requests import MoreExamples
from backend.settings import Settings
from imaml.runtime.adaptation import Adapted, Solution, Support, adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.store import Adaptation, utc_now


@dataclass(frozen=True)
class Lesson:
    """What to learn from, by which recipe."""

    recipe: Recipe
    drawings: Drawings
    labels: list[str]
    titles: list[str]
    """How messages call each example."""


@dataclass(frozen=True)
class Taught:
    """An adaptation with all that is to be stored of it."""

    adaptation: Adaptation
    adapted: Adapted
    parameters: bytes
    examples: bytes | None


def first_lesson(body: MoreExamples, model: MetaModel, settings: Settings) -> Lesson:
    """Prepare the examples of a request; raises Problem, RecipeError."""
    _check_limits(body, settings)
    recipe = _recipe(body, model.recipe)
    files = [example.image for example in body.examples]
    titles = images.titles(body.examples, "examples")
    return Lesson(
        recipe=recipe,
        drawings=images.preprocess(files, titles, settings.max_pixels),
        labels=[example.label for example in body.examples],
        titles=titles,
    )


def next_lesson(
    body: MoreExamples, model: MetaModel, settings: Settings, before: Adaptation, examples: bytes
) -> Lesson:
    """Prepare the stored examples of an adaptation and those of a request; raises Problem, RecipeError."""
    added = first_lesson(body, model, settings)
    drawings, labels = stored.unpack_drawings(examples)
    total = len(labels) + len(added.labels)
    if total > settings.max_examples:
        raise Problem(
            413, "too-many", f"There would be {total} examples; {settings.max_examples} are allowed."
        )
    recipe = {name: value for name, value in before.recipe.items() if name != "validated"}
    return Lesson(
        recipe=_recipe(body, Recipe(**recipe)),
        drawings=np.concatenate([drawings, added.drawings]),
        labels=[*labels, *added.labels],
        titles=[*(f"stored example {index}" for index in range(len(labels))), *added.titles],
    )


def teach(model_id: str, model: MetaModel, lesson: Lesson, body: MoreExamples, settings: Settings) -> Taught:
    """Adapt the model; raises SupportError, Diverged."""
    support = Support.of(lesson.drawings, lesson.labels)
    deadline_ms = body.deadline_ms or settings.max_deadline_ms
    adapted, solution = adapt(model, support, lesson.recipe, deadline_seconds=deadline_ms / 1e3)
    seconds = body.ttl_seconds or settings.default_ttl_seconds
    validated = lesson.recipe == model.recipe
    adaptation = Adaptation(
        model_id=model_id,
        name=body.name,
        classes=list(adapted.classes),
        recipe={**asdict(lesson.recipe), "validated": validated},
        solution=asdict(solution),
        unknown_threshold=adapted.unknown_threshold,
        warnings=[*_doubts(lesson, solution, validated)],
        expires_at=utc_now() + timedelta(seconds=seconds) if seconds else None,
    )
    examples = stored.pack_examples(lesson.drawings, lesson.labels) if body.store_examples else None
    return Taught(adaptation, adapted, stored.pack_parameters(adapted), examples)


def _check_limits(body: MoreExamples, settings: Settings) -> None:
    """Refuse what is more than the settings allow."""
    limits = {
        "max_steps": (body.max_steps, settings.max_inner_steps),
        "deadline_ms": (body.deadline_ms, settings.max_deadline_ms),
        "ttl_seconds": (body.ttl_seconds, settings.max_ttl_seconds),
    }
    for name, (value, most) in limits.items():
        if value is not None and value > most:
            raise Problem(422, "over-the-limit", f"{name} is {value}; it must be {most} at most.")


def _recipe(body: MoreExamples, default: Recipe) -> Recipe:
    """Return the default recipe with what the request asks for instead."""
    names = {"solver", "max_steps", "inner_lr", "lam", "tolerance"}
    return replace(default, **body.model_dump(include=names, exclude_none=True))


def _doubts(lesson: Lesson, solution: Solution, validated: bool) -> Iterator[str]:
    """Say what makes the adaptation doubtful."""
    if not validated:
        yield "The recipe is not the model's own: how well it does has not been validated."
    if solution.stop_reason == "deadline":
        yield f"The deadline ended the adaptation after {solution.steps} of {lesson.recipe.max_steps} steps."
    yield from _blanks(lesson)
    yield from _contradictions(lesson.drawings, lesson.labels, lesson.titles)


def _blanks(lesson: Lesson) -> Iterator[str]:
    for drawing, title in zip(lesson.drawings, lesson.titles, strict=True):
        if not drawing.any():
            yield f"{title} is blank: there is no figure in it."


def _contradictions(drawings: Drawings, labels: Sequence[str], titles: Sequence[str]) -> Iterator[str]:
    """Name the images that are the same to the model, but not to whoever labelled them."""
    first: dict[bytes, int] = {}
    for index, drawing in enumerate(drawings):
        earlier = first.setdefault(drawing.tobytes(), index)
        if drawing.any() and labels[earlier] != labels[index]:
            yield (
                f"{titles[earlier]} and {titles[index]} look the same to the model, "
                f"but one is labelled {labels[earlier]!r} and the other {labels[index]!r}."
            )
