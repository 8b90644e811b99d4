"""A meta-model ready to adapt: θ, its recipe, its graphs and what it was calibrated to."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from imaml.runtime import preprocessing
from imaml.runtime.graphs import Array, GraphError, Graphs
from imaml.runtime.recipe import Recipe


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
            image = description["input"]
            if image["preprocessing"] != preprocessing.VERSION:
                raise GraphError(
                    f"The model wants preprocessing {image['preprocessing']}, this version has "
                    f"{preprocessing.VERSION}; train or export it again."
                )
            theta = np.concatenate([parameters[name].ravel() for name in description["layout"]])
            return cls(
                theta=theta.astype(np.float32),
                recipe=Recipe(**description["recipe"]),
                min_ways=int(description["ways"]["min"]),
                max_ways=int(description["ways"]["max"]),
                thresholds=tuple((t["ways"], t["shots"], t["threshold"]) for t in description["thresholds"]),
                graphs=Graphs.load(graphs, threads),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise GraphError(f"The model's description lacks or garbles {error}.") from error

    def unknown_threshold(self, ways: int, shots: float) -> float:
        """The threshold that was measured nearest to these ways and (mean) shots."""
        nearest = min(self.thresholds, key=lambda t: abs(log(t[0] / ways)) + abs(log(t[1] / shots)))
        return nearest[2]
