"""Numbers in a model's description, which may come from anywhere."""

from collections.abc import Mapping
from typing import Any

from imaml.runtime.graphs import GraphError


def whole(described: Mapping[str, Any], name: str, least: int, most: int) -> int:
    """A whole number between bounds; GraphError where it is none."""
    value = described[name]
    if type(value) is not int or not least <= value <= most:
        raise GraphError(
            f"The model's description has {value!r} for {name!r}; "
            f"it must be a whole number from {least} to {most}."
        )
    return value


def number(described: Mapping[str, Any], name: str, least: float, most: float) -> float:
    """A number between bounds; GraphError where it is none."""
    value = described[name]
    if type(value) not in (int, float) or not least <= value <= most:
        raise GraphError(
            f"The model's description has {value!r} for {name!r}; "
            f"it must be a number from {least} to {most:g}."
        )
    return value
