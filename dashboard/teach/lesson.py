"""What a visitor teaches: classes with their images, what was learned from them, images to try.

No part of it draws anything; it lives in the session from one run of the page to the next.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from imaml.client import Adaptation, Episode, LabelledExample, Model, Prediction

Support = Sequence[tuple[bytes | tuple[float, ...], str | float]]
"""Images or rows of numbers, each with its class or its number."""


@dataclass(frozen=True)
class Picture:
    """An image file; `folder` is where it lay, if that is known."""

    name: str
    data: bytes
    folder: str = ""


@dataclass
class Group:
    """A class in the making; `number` is its own for good, whatever it is named."""

    number: int
    name: str = ""
    pictures: list[Picture] = field(default_factory=list[Picture])
    refused: list[str] = field(default_factory=list[str])
    uploads: int = 0


@dataclass
class Query:
    """An image to try, with the number of its class where that is known; `number` is its own for good."""

    number: int
    picture: Picture
    group: int | None = None
    learned: bool = False
    """It has become an example: its answer was wrong, and has been put right."""


class Options(TypedDict, total=False):
    """What a visitor wants instead of the model's own recipe."""

    lam: float
    max_steps: int


@dataclass(frozen=True)
class Setting:
    """A model, by its reference, and what is wanted instead of its own recipe."""

    model: str
    lam: float | None = None
    max_steps: int | None = None


@dataclass(frozen=True)
class Trial:
    """What the examples of a lesson came to when they were taught otherwise, with its answers to queries."""

    adaptation: Adaptation
    answers: list[Prediction]


@dataclass(frozen=True)
class Lesson:
    """What was learned, from which examples, and what each class was called then."""

    adaptation: Adaptation
    fingerprint: str
    support: Support
    names: dict[int, str] = field(default_factory=dict[int, str])
    options: Options = field(default_factory=Options)
    trials: dict[tuple[Setting, tuple[int, ...]], Trial | None] = field(
        default_factory=dict[tuple[Setting, tuple[int, ...]], Trial | None]
    )
    """By setting and numbers of the queries; None where it diverged."""

    @property
    def model(self) -> str:
        """Reference to the model that learned it."""
        return f"{self.adaptation.model}:{self.adaptation.model_version}"

    @property
    def setting(self) -> Setting:
        """How it was taught."""
        return Setting(self.model, **self.options)

    def truth(self, query: Query) -> str | None:
        """Return the class of a query, where it is known and one of those that were taught."""
        return None if query.group is None else self.names.get(query.group)

    def scored(self, queries: Sequence[Query]) -> dict[int, str]:
        """Return the class by number of each query that says how good it is: known, and no example itself."""
        truths = ((query.number, self.truth(query)) for query in queries if not query.learned)
        return {number: truth for number, truth in truths if truth is not None}


@dataclass
class Desk:
    """All that lies before a visitor: classes, the lesson if there was one, images to try."""

    groups: list[Group] = field(default_factory=list[Group])
    queries: list[Query] = field(default_factory=list[Query])
    lesson: Lesson | None = None
    options: Options = field(default_factory=Options)
    lost: bool = False
    refused: list[str] = field(default_factory=list[str])
    unsorted: list[str] = field(default_factory=list[str])
    numbered: int = 0
    episodes: int = 0
    tries: int = 0

    def __post_init__(self) -> None:
        if not self.groups:
            self.clear()

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies there yet."""
        return self.lesson is None and not any(group.pictures for group in self.groups)

    def clear(self) -> None:
        """Begin anew, with as many empty classes as the least lesson needs."""
        self.groups, self.queries, self.lesson, self.lost = [], [], None, False
        self.forget_refusals()
        self.add_group()
        self.add_group()

    def forget_refusals(self) -> None:
        """Forget what could not be taken before: something else has been done since."""
        self.refused, self.unsorted = [], []
        for group in self.groups:
            group.refused = []

    def add_group(self, name: str = "") -> Group:
        """Add an empty class."""
        self.numbered += 1
        group = Group(self.numbered, name)
        self.groups.append(group)
        return group

    def lay_out(self, episode: Episode) -> None:
        """Replace classes and queries by those of a sampled task."""
        self.groups, self.lesson, numbers = [], None, dict[str, Group]()
        for example in episode.support:
            label = example.label or ""
            if label not in numbers:
                numbers[label] = self.add_group(label)
            group = numbers[label]
            group.pictures.append(_picture(example, len(group.pictures) + 1))
        self.queries = [
            self.query(_picture(example, index), numbers[example.label or ""].number)
            for index, example in enumerate(episode.query, 1)
        ]
        self.episodes += 1

    def query(self, picture: Picture, group: int | None = None) -> Query:
        """Make of an image one to try; its folder says of which class it is, where one is called so."""
        named = (known.number for known in self.groups if known.name.strip() == picture.folder)
        self.numbered += 1
        return Query(self.numbered, picture, next(named, None) if group is None else group)

    def sort_in(self, pictures: Sequence[Picture]) -> None:
        """Add images to the classes that are called as their folders, and make those that are missing."""
        self.groups = [group for group in self.groups if group.pictures or group.name.strip()]
        for picture in pictures:
            known = (group for group in self.groups if group.name.strip() == picture.folder)
            group = next(known, None) or self.add_group(picture.folder)
            group.pictures.append(picture)

    def correct(self, query: Query, number: int) -> None:
        """Make an example of an image whose answer was wrong; `number` is that of its class."""
        [group] = [group for group in self.groups if group.number == number]
        group.pictures.append(query.picture)
        query.group, query.learned = number, True

    def examples(self) -> list[tuple[bytes, str]]:
        """Return every image with the name of its class; classes without images are left out."""
        return [(picture.data, group.name.strip()) for group in self.groups for picture in group.pictures]

    def fingerprint(self, model: Model) -> str:
        """Return a digest of model, examples and options: equal where a lesson would be the same."""
        digest = hashlib.sha256(model.id.encode())
        examples = [f"\n{hashlib.sha256(data).hexdigest()} {label}" for data, label in self.examples()]
        digest.update("".join([*sorted(examples), *map(str, sorted(self.options.items()))]).encode())
        return digest.hexdigest()

    def learned(self, adaptation: Adaptation, model: Model) -> None:
        """Keep what was learned from the examples as they are."""
        self.lost = False
        self.forget_refusals()
        names = {group.number: group.name.strip() for group in self.groups if group.pictures}
        self.lesson = Lesson(adaptation, self.fingerprint(model), self.examples(), names, self.options)

    def reopen(
        self, adaptation: Adaptation, examples: Sequence[LabelledExample], model: Model, options: Options
    ) -> None:
        """Lay out what was learned before, with those of its examples that the service has kept."""
        self.groups, self.queries, self.options = [], [], options
        self.forget_refusals()
        groups = {label: self.add_group(label) for label in adaptation.classes}
        for example in examples:
            group = groups[example.label or ""]
            group.pictures.append(_picture(example, len(group.pictures) + 1))
        names = {group.number: group.name for group in self.groups}
        self.lesson = Lesson(adaptation, self.fingerprint(model), self.examples(), names, options)


def _picture(example: LabelledExample, number: int) -> Picture:
    return Picture(f"{example.label}, {number}", example.image or b"", example.label or "")
