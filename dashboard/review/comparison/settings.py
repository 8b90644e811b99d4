"""The settings of experiments side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from dashboard import sentences

NAME, SEED = "name", "seed"

Settings = Mapping[str, object]


def settings(config: Mapping[str, Any]) -> dict[str, object]:
    """Return every setting but the name; those of a nested group go by its name too."""
    flat: dict[str, object] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            inner = settings(cast("dict[str, Any]", value))
            flat |= {f"{sentences.setting(name)} {part}": item for part, item in inner.items()}
        elif name != NAME:
            flat[sentences.setting(name)] = value
    return flat


def differing(several: Sequence[Settings]) -> list[str]:
    """Return the settings in which some differ, in the order of their appearance; one left out is None."""
    names = dict.fromkeys(name for each in several for name in each)
    return [name for name in names if any(each.get(name) != several[0].get(name) for each in several)]


def numeric(several: Sequence[Settings]) -> list[str]:
    """Return the differing settings that are numbers everywhere, but for the seed, which nobody tunes."""
    return [
        name
        for name in differing(several)
        if name != SEED and all(_is_number(each.get(name)) for each in several)
    ]


def shown(value: object) -> str:
    """Return a setting's value as a reader sees it."""
    [(_, text)] = sentences.flattened({"": value})
    return text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
