"""A model from outside, checked and tried before it is stored, so that it does not fail when it is used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from imaml.runtime import examples as example_images
from imaml.runtime.adaptation import Adapted, Support, adapt, to_input
from imaml.runtime.graphs import Array, GraphError
from imaml.runtime.model import MetaModel
from imaml.runtime.preprocessing import SIZE

_PARTS = {"train", "validation", "test"}


def verify(
    description: Mapping[str, Any],
    parameters: Mapping[str, Array],
    graphs: Mapping[str, bytes],
    examples: bytes | None,
) -> None:
    """Raise GraphError unless these parts of a bundle make a model that adapts and predicts."""
    _check_origin(description)
    model = MetaModel.load(description, parameters, graphs, threads=1)
    for ways in {model.min_ways, min(model.min_ways + 1, model.max_ways)}:
        try:
            _try(model, ways)
        except Exception as error:  # a graph from anywhere fails in any way
            reason = f"{error}".partition("\n")[0]
            raise GraphError(f"The model fails to learn {ways} classes: {reason}") from error
    if examples is not None:
        example_images.check(examples)


def _check_origin(description: Mapping[str, Any]) -> None:
    """Refuse a description that does not say what the model was trained on and how it is built."""
    dataset, split = description.get("dataset"), description.get("split")
    if not isinstance(dataset, str) or not dataset:
        raise GraphError("The model's description does not name its dataset; export it again.")
    if not isinstance(split, dict) or split.keys() != _PARTS or not all(map(_are_names, split.values())):
        raise GraphError(
            "The model's description lacks or garbles its split, the names of the train, validation and "
            "test classes; export it again."
        )
    if not isinstance(description.get("architecture"), dict):
        raise GraphError("The model's description lacks or garbles its architecture; export it again.")


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in cast(list[object], value))


def _try(model: MetaModel, ways: int) -> None:
    """Take one inner step on noise and classify it, with other numbers of images and of classes each time."""
    images = np.random.default_rng(ways).integers(0, 256, (2 * ways + 1, SIZE, SIZE), np.uint8)
    support = Support.of(images[1:], [f"{index % ways}" for index in range(2 * ways)])
    recipe = replace(model.recipe, max_steps=min(model.recipe.max_steps, 1))
    adapted, _ = adapt(model, support, recipe)
    for queries in (images, images[:1]):
        _check_probabilities(model, adapted, to_input(queries), ways)


def _check_probabilities(model: MetaModel, adapted: Adapted, images: Array, ways: int) -> None:
    probabilities = model.graphs.predict(adapted.phi, adapted.moments, images)
    if probabilities.shape != (len(images), ways):
        raise GraphError(f"for {len(images)} images it predicts {probabilities.shape} numbers.")
    if not np.allclose(probabilities.sum(1), 1, atol=1e-3):
        raise GraphError("the probabilities that it predicts do not add up to 1.")
