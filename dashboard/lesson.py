"""What a visitor teaches: classes with their images, what was learned from them, images to try.

No part of it draws anything; it lives in the session from one run of the page to the next.
"""

import hashlib
from dataclasses import dataclass, field

from imaml.client import Adaptation, Episode, LabelledExample, Limits, Model

BODY_SHARE = 0.98  # of a request's body may be images: the rest frames them


@dataclass(frozen=True)
class Picture:
    """An image file."""

    name: str
    data: bytes


@dataclass
class Group:
    """A class in the making; `number` is its own for good, whatever it is named."""

    number: int
    name: str = ""
    pictures: list[Picture] = field(default_factory=list[Picture])
    refused: list[str] = field(default_factory=list[str])
    uploads: int = 0


@dataclass(frozen=True)
class Query:
    """An image to try, with the number of its class where that is known."""

    picture: Picture
    group: int | None = None


@dataclass(frozen=True)
class Lesson:
    """What was learned, from which examples, and what each class was called then."""

    adaptation: Adaptation
    fingerprint: str
    examples: int
    names: dict[int, str]

    @property
    def model(self) -> str:
        """Reference to the model that learned it."""
        return f"{self.adaptation.model}:{self.adaptation.model_version}"


@dataclass
class Desk:
    """All that lies before a visitor: classes, the lesson if there was one, images to try."""

    groups: list[Group] = field(default_factory=list[Group])
    queries: list[Query] = field(default_factory=list[Query])
    lesson: Lesson | None = None
    lost: bool = False
    refused: list[str] = field(default_factory=list[str])
    numbered: int = 0
    episodes: int = 0
    tries: int = 0

    def __post_init__(self) -> None:
        if not self.groups:
            self.clear()

    def clear(self) -> None:
        """Begin anew, with as many empty classes as the least lesson needs."""
        self.groups, self.queries, self.refused, self.lesson, self.lost = [], [], [], None, False
        self.add_group()
        self.add_group()

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
            Query(_picture(example, index), numbers[example.label or ""].number)
            for index, example in enumerate(episode.query, 1)
        ]
        self.episodes += 1

    def examples(self) -> list[tuple[bytes, str]]:
        """Return every image with the name of its class; classes without images are left out."""
        return [(picture.data, group.name.strip()) for group in self.groups for picture in group.pictures]

    def fingerprint(self, model: Model) -> str:
        """Return a digest of the model and the examples: equal where a lesson would be the same."""
        digest = hashlib.sha256(model.id.encode())
        examples = [f"\n{hashlib.sha256(data).hexdigest()} {label}" for data, label in self.examples()]
        digest.update("".join(sorted(examples)).encode())
        return digest.hexdigest()

    def learned(self, adaptation: Adaptation, model: Model) -> None:
        """Keep what was learned from the examples as they are."""
        self.lost = False
        names = {group.number: group.name.strip() for group in self.groups if group.pictures}
        self.lesson = Lesson(adaptation, self.fingerprint(model), len(self.examples()), names)


def hindrance(groups: list[Group], model: Model, limits: Limits) -> str | None:
    """Return in a sentence what is still missing or too much for a lesson, None where nothing is."""
    used = [group for group in groups if group.pictures or group.name.strip()]
    names = [group.name.strip() for group in used]
    images = [picture for group in used for picture in group.pictures]
    for group, name in zip(used, names, strict=True):
        if not name:
            return f"Give the class with {group.pictures[0].name} a name."
        if not group.pictures:
            return f"Give “{name}” at least one image."
        if len(name) > limits.max_label_length:
            return f"“{name[:20]}…” is longer than {limits.max_label_length} characters; shorten it."
        if names.count(name) > 1:
            return f"Two classes are named “{name}”; rename one."
    if len(used) < model.ways.min:
        return f"Name {model.ways.min} classes at least and give each an image."
    if len(used) > model.ways.max:
        return f"{len(used)} classes are more than the {model.ways.max} that it tells apart; remove some."
    if len(images) > limits.max_examples:
        return f"{len(images)} images are more than the {limits.max_examples} that fit a lesson; remove some."
    if sum(len(picture.data) for picture in images) > BODY_SHARE * limits.max_body_bytes:
        return f"The images have more than {limits.max_body_bytes / 2**20:.0f} MiB together; remove some."
    return None


def _picture(example: LabelledExample, number: int) -> Picture:
    return Picture(f"{example.label}, {number}", example.image or b"")
