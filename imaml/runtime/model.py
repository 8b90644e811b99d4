"""A meta-model ready to adapt: θ, its recipe, its graphs and what it was calibrated to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np

from imaml.runtime import preprocessing
from imaml.runtime.graphs import Array, GraphError, Graphs
from imaml.runtime.recipe import Recipe, RecipeError

MAX_WAYS = 1000
_MAX_STEPS = 1_000_000
_MAX_NUMBER = 1e9

_INPUT = {
    "kind": "image",
    "channels": 1,
    "height": preprocessing.SIZE,
    "width": preprocessing.SIZE,
    "preprocessing": preprocessing.VERSION,
}
"""What a model gets to see here."""


@dataclass(frozen=True)
class MetaModel:
    """Everything that adaptation and prediction need of a stored model."""

    theta: Array
    recipe: Recipe
    min_ways: int
    max_ways: int
    thresholds: tuple[tuple[int, float, float], ...]
    """(ways, shots, confidence below which an answer is unknown), measured on validation classes."""
    graphs: Graphs

    @classmethod
    def load(
        cls,
        description: Mapping[str, Any],
        parameters: Mapping[str, Array],
        graphs: Mapping[str, bytes],
        threads: int,
    ) -> "MetaModel":
        """Put the parts of a bundle together. Raises GraphError where they do not make a model."""
        try:
            _check_input(description["input"])
            ways = description["ways"]
            min_ways = _whole(ways, "min", 2, MAX_WAYS)
            return cls(
                theta=_theta(description["layout"], parameters),
                recipe=_recipe(description["recipe"]),
                min_ways=min_ways,
                max_ways=_whole(ways, "max", min_ways, MAX_WAYS),
                thresholds=_thresholds(description["thresholds"]),
                graphs=Graphs.load(graphs, threads),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise GraphError(f"The model's description lacks or garbles {error}.") from error

    def unknown_threshold(self, ways: int, shots: float) -> float:
        """The threshold that was measured nearest to these ways and (mean) shots."""
        nearest = min(self.thresholds, key=lambda t: abs(log(t[0] / ways)) + abs(log(t[1] / shots)))
        return nearest[2]


def _check_input(described: Mapping[str, Any]) -> None:
    for name, ours in _INPUT.items():
        if described[name] != ours:
            raise GraphError(
                f"The model wants {name} {described[name]!r}, this version has {ours!r}; "
                "train or export it again."
            )


def _theta(layout: list[str], parameters: Mapping[str, Array]) -> Array:
    """Return θ, a flat vector, with the parameters in the order of the layout, which names each once."""
    if not layout or sorted(layout) != sorted(parameters):
        raise GraphError("The model's layout does not name each of its parameters once; export it again.")
    return np.concatenate([parameters[name].ravel() for name in layout]).astype(np.float32)


def _recipe(described: Mapping[str, Any]) -> Recipe:
    try:
        recipe = Recipe(
            solver=described["solver"],
            max_steps=_whole(described, "max_steps", 0, _MAX_STEPS),
            **{name: _number(described, name, 0, _MAX_NUMBER) for name in ("inner_lr", "lam", "tolerance")},
        )
    except RecipeError as error:
        raise GraphError(f"The model's recipe cannot work: {error}") from error
    if unknown := sorted(described.keys() - asdict(recipe).keys()):
        raise GraphError(f"The model's recipe has {unknown[0]!r}, which this version does not know.")
    return recipe


def _thresholds(described: list[Mapping[str, Any]]) -> tuple[tuple[int, float, float], ...]:
    if not described:
        raise GraphError("The model's description has no thresholds; export it again.")
    return tuple(
        (
            _whole(measured, "ways", 1, MAX_WAYS),
            _number(measured, "shots", 1, _MAX_NUMBER),
            _number(measured, "threshold", 0, _MAX_NUMBER),
        )
        for measured in described
    )


def _whole(described: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = described[name]
    if type(value) is not int or not least <= value <= most:
        raise GraphError(
            f"The model's description has {value!r} for {name!r}; "
            f"it must be a whole number from {least} to {most}."
        )
    return value


def _number(described: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = described[name]
    if type(value) not in (int, float) or not least <= value <= most:
        raise GraphError(
            f"The model's description has {value!r} for {name!r}; "
            f"it must be a number from {least} to {most:g}."
        )
    return value
