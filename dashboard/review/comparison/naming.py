"""Names by which experiments are told apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.review.comparison.settings import Settings, differing, shown

MOST_TELLING = 2  # settings in a label
SHORT_ID = 6  # its last digits: the first ones are the time


@dataclass(frozen=True)
class Named:
    """Something with a name that others may have too."""

    name: str
    settings: Settings
    id: str


def labels(several: Sequence[Named]) -> list[str]:
    """Return a label for each, no two alike: the name, with what differs or the end of the id if need be."""
    found = [_label(each, [other for other in several if other.name == each.name]) for each in several]
    number = Counter(found)
    return [
        label if number[label] == 1 else f"{each.name} ({each.id})"
        for label, each in zip(found, several, strict=True)
    ]


def _label(each: Named, alike: Sequence[Named]) -> str:
    if len(alike) == 1:
        return each.name
    telling = differing([other.settings for other in alike])
    told = {
        other.id: ", ".join(f"{name} {shown(other.settings.get(name))}" for name in telling)
        for other in alike
    }
    enough = len(telling) <= MOST_TELLING and len(set(told.values())) == len(alike)
    return f"{each.name} ({told[each.id] if enough else each.id[-SHORT_ID:]})"
