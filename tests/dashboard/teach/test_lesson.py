"""What lies before a visitor: when a lesson is possible, and when it would be the same again."""

from datetime import UTC, datetime

import pytest

from dashboard.teach.lesson import Desk, Group, Picture
from dashboard.teach.limits import hindrance
from imaml.client import Limits, Model, Recipe

LIMITS = Limits(
    max_body_bytes=1000,
    max_body_seconds=10,
    max_pixels=100,
    max_request_pixels=100,
    max_examples=4,
    max_predictions=3,
    max_batch=10,
    max_jobs=10,
    max_classes=10,
    max_adaptations=None,
    max_requests_per_minute=None,
    max_label_length=10,
    max_inner_steps=10,
    max_deadline_ms=10,
    default_ttl_seconds=None,
    max_ttl_seconds=10,
)


def _model(name: str = "small") -> Model:
    recipe = Recipe(solver="gradient_descent", max_steps=5, inner_lr=0.1, lam=0.1, tolerance=0)
    return Model.model_validate(
        {
            "id": name,
            "name": name,
            "version": 1,
            "aliases": [],
            "dataset": "glyphs",
            "input": {"kind": "image"},
            "ways": {"min": 2, "max": 3},
            "recipe": recipe.model_dump(),
            "experiment_id": None,
            "examples_stored": True,
            "created_at": datetime.now(UTC),
            "created_by": None,
        }
    )


def _groups(*classes: tuple[str, list[bytes]]) -> list[Group]:
    return [
        Group(number, name, [Picture(f"{index}.png", data) for index, data in enumerate(files)])
        for number, (name, files) in enumerate(classes)
    ]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (_groups(("a", [b"1"]), ("b", [b"2"])), None),
        (_groups(("a", [b"1"]), ("b", [b"2"]), ("", [])), None),
        (_groups(("a", [b"1"]), ("", [])), "Name 2 classes at least"),
        (_groups(("a", [b"1"]), ("", [b"2"])), "Give the class with 0.png a name."),
        (_groups(("a", [b"1"]), ("b", [])), "Give “b” at least one image."),
        (_groups(("a", [b"1"]), (" a ", [b"2"])), "Two classes are named “a”"),
        (_groups(("a", [b"1"]), ("b" * 11, [b"2"])), "longer than 10 characters"),
        (_groups(*((name, [b"1"]) for name in "abcd")), "4 classes are more than the 3"),
        (_groups(("a", [b"1"] * 4), ("b", [b"2"])), "5 images are more than the 4"),
        (_groups(("a", [b"1" * 500]), ("b", [b"2" * 500])), "more than 0.977 KiB together"),
    ],
)
def test_hindrance_names_what_to_do(groups: list[Group], expected: str | None) -> None:
    found = hindrance(groups, _model(), LIMITS)
    assert found is None if expected is None else found is not None and expected in found


def test_fingerprint_tells_lessons_apart_whatever_their_order() -> None:
    examples = [("a", [b"1", b"2"]), ("b", [b"3"])]
    desk = Desk(_groups(*examples))
    same = Desk(_groups(("b", [b"3"]), (" a", [b"2", b"1"]), ("", [])))
    assert desk.fingerprint(_model()) == same.fingerprint(_model())
    others = [
        Desk(_groups(("a", [b"1"]), ("b", [b"3"]))),
        Desk(_groups(("a", [b"1", b"3"]), ("b", [b"2"]))),
        Desk(_groups(("a", [b"1", b"2"]), ("c", [b"3"]))),
    ]
    prints = {desk.fingerprint(_model()), desk.fingerprint(_model("other"))}
    prints |= {other.fingerprint(_model()) for other in others}
    assert len(prints) == 5


def test_number_of_a_class_is_never_used_again() -> None:
    desk = Desk()
    first = [group.number for group in desk.groups]
    desk.clear()
    assert not set(first) & {group.number for group in desk.groups}
