"""How much a lesson may have, told before it is too much."""

from dashboard import sentences
from dashboard.teach.lesson import Group
from imaml.client import Limits, Model

BODY_SHARE = 0.98  # of a request's body may be images: the rest frames them


def most_megabytes(limits: Limits) -> int:
    """Return how large a file may be that is uploaded, in MiB."""
    return max(1, limits.max_body_bytes // 2**20)


def most_classes(model: Model, limits: Limits) -> int:
    """Return how many classes a lesson may have."""
    return min(model.ways.max, limits.max_classes)


def used(groups: list[Group], model: Model, limits: Limits) -> str:
    """Return in a line how much of what a lesson may have is used."""
    images = [picture for group in groups for picture in group.pictures]
    classes = sum(1 for group in groups if group.pictures)
    return (
        f"Used: {classes} of {sentences.count(most_classes(model, limits), 'class', 'classes')}, "
        f"{len(images)} of {sentences.count(limits.max_examples, 'image')}, "
        f"{sentences.size(sum(len(picture.data) for picture in images))} of "
        f"{sentences.size(limits.max_body_bytes)}."
    )


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
    if len(used) > (most := most_classes(model, limits)):
        return f"{len(used)} classes are more than the {most} that it tells apart; remove some."
    if len(images) > limits.max_examples:
        return f"{len(images)} images are more than the {limits.max_examples} that fit a lesson; remove some."
    if sum(len(picture.data) for picture in images) > BODY_SHARE * limits.max_body_bytes:
        return f"The images have more than {sentences.size(limits.max_body_bytes)} together; remove some."
    return None
