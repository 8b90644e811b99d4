"""A model from outside, checked and tried before it is stored, so that it does not fail when it is used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from imaml.runtime import examples as stored_examples
from imaml.runtime.adaptation import Adapted, adapt
from imaml.runtime.graphs import Array, GraphError
from imaml.runtime.inputs import Vectors
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Examples, Support

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
            task = "numbers" if model.regression else f"{ways} classes"
            raise GraphError(f"The model fails to learn {task}: {reason}") from error
    if examples is not None:
        stored_examples.check(examples, model.input)


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
    """Take one inner step on noise and ask it, with other numbers of examples and of classes each time."""
    noise = _noise(model, 2 * ways + 1)
    if model.regression:
        support = Support.of_numbers(noise[1:], range(2 * ways))
    else:
        support = Support.of(noise[1:], [f"{index % ways}" for index in range(2 * ways)])
    recipe = replace(model.recipe, max_steps=min(model.recipe.max_steps, 1))
    adapted, _ = adapt(model, support, recipe)
    for queries in (noise, noise[:1]):
        _check_answers(model, adapted, model.input.to_input(queries), ways)


def _noise(model: MetaModel, count: int) -> Examples:
    """As many random examples, such as the model's input has them."""
    generator = np.random.default_rng(count)
    if isinstance(model.input, Vectors):
        normal = generator.standard_normal((count, *model.input.shape))
        return (normal * model.input.scale + model.input.mean).astype(np.float32)
    return generator.integers(0, 256, (count, *model.input.shape), np.uint8)


def _check_answers(model: MetaModel, adapted: Adapted, inputs: Array, ways: int) -> None:
    answers, features = model.graphs.predict(adapted.phi, adapted.moments, inputs, adapted.temperature)
    if answers.shape != (len(inputs), ways):
        raise GraphError(f"for {len(inputs)} examples it predicts {answers.shape} numbers.")
    if features.shape[0] != len(inputs) or not np.isfinite(features).all():
        raise GraphError("the features that it makes of examples are not finite numbers for each.")
    if model.calibration is None:
        if not np.isfinite(answers).all():
            raise GraphError("the numbers that it predicts are not finite.")
    elif not np.allclose(answers.sum(1), 1, atol=1e-3):
        raise GraphError("the probabilities that it predicts do not add up to 1.")
