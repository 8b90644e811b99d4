"""A description makes a model only if every part of it can be used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imaml.runtime.graphs import GraphError
from imaml.runtime.inputs import Photos, Vectors
from imaml.runtime.model import MetaModel
from imaml.store import Bundle


def load(bundle: Bundle, **described: object) -> MetaModel:
    """The bundle's model, with these parts of its description instead."""
    description = {**bundle.description, **described}
    return MetaModel.load(description, bundle.parameters, bundle.graphs, threads=1)


def test_a_description_that_lacks_something_is_refused_by_its_name(model_bundle: Bundle) -> None:
    for name in ("recipe", "ways", "calibration", "layout", "input"):
        description = {key: value for key, value in model_bundle.description.items() if key != name}
        with pytest.raises(GraphError, match=name):
            load(replace(model_bundle, description=description))


@pytest.mark.parametrize(
    ("name", "value"),
    [("preprocessing", 0), ("kind", "vector"), ("channels", 3), ("height", 32), ("width", 1)],
)
def test_another_input_is_refused(model_bundle: Bundle, name: str, value: object) -> None:
    with pytest.raises(GraphError, match=f"{name}': {value!r}.*not known here.*export it again"):
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
        ({"lam": 10**400}, "'lam'"), ({"lam": -1}, "'lam'"), ({"tolerance": None}, "'tolerance'"),
        ({"solver": ["gradient_descent"]}, "solver is"), ({"friction": 0.9}, "'friction'"),
        ({"momentum": 1}, "momentum is 1"), ({"momentum": "0.9"}, "'momentum'"),
        ({"cg_steps": 0}, "'cg_steps'"), ({"memory": 1.5}, "'memory'"),
        ({"lam_scales": 1}, "garbles"), ({"lam_scales": ["1"]}, "'lam_scales'"),
        ({"lam_scales": [0]}, "lam_scales has 0"), ({"lam_scales": [1, 2]}, "2 lam_scales for the 13 parts"),
        ({"solver": "newton_cg"}, "no graph 'curvature_product'"),
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
    ("parts", "message"),
    [
        ({"settings": []}, "no settings"), ({"settings": 0.5}, "garbles"),
        ({"settings": [[5, 1]]}, "garbles"),
        ({"distance": 0}, "'distance'"), ({"distance": None}, "'distance'"), ({"home": [0]}, "garbles"),
        ({"home": {"mean": [0.0]}}, "'scale'"), ({"home": {"mean": [0.0], "scale": [0.0]}}, "garbled"),
        ({"home": {"mean": [0.0], "scale": [1.0, 1.0]}}, "garbled"),
        ({"home": {"mean": [float("nan")], "scale": [1.0]}}, "garbled"),
        ({"home": {"mean": 0.0, "scale": 1.0}}, "garbled"),
    ],
    ids=str,
)  # fmt: skip
def test_a_calibration_is_a_measured_one(
    model_bundle: Bundle, parts: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        load(model_bundle, calibration={**model_bundle.description["calibration"], **parts})


@pytest.mark.parametrize("home", [{"mean": ["a"], "scale": [1.0]}, {"mean": [[0.0], []], "scale": [1.0]}])
def test_a_home_of_no_numbers_is_refused(model_bundle: Bundle, home: object) -> None:
    with pytest.raises(GraphError):
        load(model_bundle, calibration={**model_bundle.description["calibration"], "home": home})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ways", 0), ("ways", 2.5), ("shots", 0), ("temperature", 0), ("temperature", "1"),
        ("unknown_threshold", -0.5), ("unknown_threshold", 1.5), ("unknown_threshold", None),
        ("spread", 0), ("home_threshold", float("nan")),
    ],
)  # fmt: skip
def test_what_was_measured_is_within_its_bounds(model_bundle: Bundle, name: str, value: object) -> None:
    calibration = model_bundle.description["calibration"]
    [setting] = calibration["settings"]
    for wrong in ({**setting, name: value}, {key: setting[key] for key in setting if key != name}):
        with pytest.raises(GraphError, match=f"'{name}'"):
            load(model_bundle, calibration={**calibration, "settings": [wrong]})


def test_recipes_that_were_no_worse_than_the_trainers_are_validated(model_bundle: Bundle) -> None:
    own = model_bundle.description["recipe"]
    assert load(model_bundle).validated == (load(model_bundle).recipe,)
    measured = [
        {"recipe": {**own, "max_steps": steps}, "not_below": steps > 1, "settings": []} for steps in (1, 2, 9)
    ]
    model = load(model_bundle, recipes=measured)
    assert [recipe.max_steps for recipe in model.validated] == [own["max_steps"], 2, 9]
    for wrong in ({"recipe": own}, {"not_below": True}, {"recipe": {"solver": "magic"}, "not_below": True}):
        with pytest.raises(GraphError):
            load(model_bundle, recipes=[wrong])


def test_the_layout_names_each_parameter_once(model_bundle: Bundle) -> None:
    layout: list[Any] = model_bundle.description["layout"]
    for wrong in ([], layout[1:], [*layout, layout[0]], [*layout[:-1], "other"], [0, *layout[1:]]):
        with pytest.raises(GraphError, match=r"layout|garbles"):
            load(model_bundle, layout=wrong)
    whole = load(model_bundle).theta
    assert np.array_equal(whole, np.concatenate([model_bundle.parameters[name].ravel() for name in layout]))


def test_a_recipe_of_before_there_were_more_solvers_has_their_defaults(model_bundle: Bundle) -> None:
    recipe = load(model_bundle).recipe
    assert (recipe.momentum, recipe.cg_steps, recipe.memory, recipe.lam_scales) == (0.9, 10, 10, ())


def test_settings_of_all_solvers_are_read(newton_bundle: Bundle) -> None:
    scales = [1.0] * 12 + [0.5]
    settings = {"momentum": 0.5, "cg_steps": 3, "memory": 4, "lam_scales": scales}
    recipe = load(newton_bundle, recipe={**newton_bundle.description["recipe"], **settings}).recipe
    assert (recipe.solver, recipe.momentum, recipe.cg_steps, recipe.memory) == ("newton_cg", 0.5, 3, 4)
    assert recipe.lam_scales == tuple(scales)


def test_each_kind_of_input_is_read(photo_bundle: Bundle, vector_bundle: Bundle) -> None:
    assert load(photo_bundle).input == Photos(3, 16, 16)
    assert load(vector_bundle).input == Vectors((1.0, -2.0, 0.0, 5.0), (2.0, 0.5, 1.0, 0.0))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"task": "ranking"}, "task is 'ranking'"),
        ({"ways": {"min": 1, "max": 2}}, "'max'"),
        ({"ways": {"min": 2, "max": 2}}, "'min'"),
        ({"task": "classification"}, "'min'"),
    ],
    ids=str,
)
def test_a_regressor_has_one_output(
    regression_bundle: Bundle, parts: dict[str, object], message: str
) -> None:
    assert load(regression_bundle).regression
    with pytest.raises(GraphError, match=message):
        load(regression_bundle, **parts)
