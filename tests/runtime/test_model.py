"""A description makes a model only if every part of it can be used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imaml.runtime.graphs import GraphError
from imaml.runtime.model import MetaModel
from imaml.store import Bundle


def load(bundle: Bundle, **described: object) -> MetaModel:
    """The bundle's model, with these parts of its description instead."""
    description = {**bundle.description, **described}
    return MetaModel.load(description, bundle.parameters, bundle.graphs, threads=1)


def test_a_description_that_lacks_something_is_refused_by_its_name(model_bundle: Bundle) -> None:
    for name in ("recipe", "ways", "thresholds", "layout", "input"):
        description = {key: value for key, value in model_bundle.description.items() if key != name}
        with pytest.raises(GraphError, match=name):
            load(replace(model_bundle, description=description))


@pytest.mark.parametrize(
    ("name", "value"),
    [("preprocessing", 0), ("kind", "vector"), ("channels", 3), ("height", 32), ("width", 1)],
)
def test_another_input_is_refused(model_bundle: Bundle, name: str, value: object) -> None:
    with pytest.raises(GraphError, match=f"wants {name} {value!r}"):
        load(model_bundle, input={**model_bundle.description["input"], name: value})


@pytest.mark.parametrize(
    "change",
    [
        {"min": "2"}, {"min": 1}, {"min": 2.0}, {"min": True}, {"max": 1}, {"max": None}, {"max": 10**30},
    ],
    ids=str,
)  # fmt: skip
def test_ways_are_whole_numbers_in_order(model_bundle: Bundle, change: Mapping[str, Any]) -> None:
    with pytest.raises(GraphError, match="must be a whole number"):
        load(model_bundle, ways={**model_bundle.description["ways"], **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_steps": 2.5}, "'max_steps'"), ({"max_steps": 10**9}, "'max_steps'"), ({"lam": "1"}, "'lam'"),
        ({"lam": 10**400}, "'lam'"), ({"lam": 0}, "lam is 0"), ({"tolerance": None}, "'tolerance'"),
        ({"solver": ["gradient_descent"]}, "solver is"), ({"momentum": 0.9}, "'momentum'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_recipe_that_cannot_work_is_refused(
    model_bundle: Bundle, change: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        load(model_bundle, recipe={**model_bundle.description["recipe"], **change})


def test_a_recipe_must_be_whole(model_bundle: Bundle) -> None:
    for name in model_bundle.description["recipe"]:
        rest = {key: value for key, value in model_bundle.description["recipe"].items() if key != name}
        with pytest.raises(GraphError, match=name):
            load(model_bundle, recipe=rest)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([], "no thresholds"), (0.5, "garbles"), ([[5, 1, 0.5]], "garbles"),
        ([{"ways": 0, "shots": 1, "threshold": 0.5}], "'ways'"),
        ([{"ways": 5, "shots": 0, "threshold": 0.5}], "'shots'"),
        ([{"ways": 5, "shots": 1, "threshold": "0.5"}], "'threshold'"),
        ([{"ways": 5, "shots": 1, "threshold": -0.5}], "'threshold'"),
        ([{"ways": 5, "shots": 1}], "'threshold'"),
    ],
    ids=str,
)  # fmt: skip
def test_thresholds_are_measured_ones(model_bundle: Bundle, thresholds: object, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        load(model_bundle, thresholds=thresholds)


def test_the_layout_names_each_parameter_once(model_bundle: Bundle) -> None:
    layout: list[Any] = model_bundle.description["layout"]
    for wrong in ([], layout[1:], [*layout, layout[0]], [*layout[:-1], "other"], [0, *layout[1:]]):
        with pytest.raises(GraphError, match=r"layout|garbles"):
            load(model_bundle, layout=wrong)
    whole = load(model_bundle).theta
    assert np.array_equal(whole, np.concatenate([model_bundle.parameters[name].ravel() for name in layout]))
