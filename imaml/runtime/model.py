"""A meta-model ready to adapt: θ, its recipe, its graphs and what it was calibrated to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from imaml.runtime.calibration import MAX_WAYS, Calibration, Setting
from imaml.runtime.devices import Device
from imaml.runtime.fields import number, whole
from imaml.runtime.graphs import Array, GraphError, Graphs
from imaml.runtime.inputs import Input, InputError, from_description
from imaml.runtime.recipe import Recipe, RecipeError
from imaml.runtime.support import Support

_MAX_STEPS = 1_000_000
_MAX_NUMBER = 1e9


@dataclass(frozen=True)
class MetaModel:
    """Everything that adaptation and prediction need of a stored model."""

    theta: Array
    sizes: tuple[int, ...]
    """Of the parts of θ, in order; the last is the head."""
    input: Input
    recipe: Recipe
    min_ways: int
    max_ways: int
    graphs: Graphs
    calibration: Calibration | None
    """None in regression."""

    validated: tuple[Recipe, ...] = ()
    """Those that were no worse than the trainer's on validation classes, the model's own among them."""

    def measured(self, support: Support) -> Setting | None:
        """What was measured nearest to a support set's ways and shots; None in regression."""
        return self.calibration and self.calibration.nearest(len(support.classes), support.shots)

    @property
    def regression(self) -> bool:
        """Whether it predicts numbers; if not, it tells classes apart."""
        return self.calibration is None

    @classmethod
    def load(
        cls,
        description: Mapping[str, Any],
        parameters: Mapping[str, Array],
        graphs: Mapping[str, bytes],
        threads: int,
        device: Device = "cpu",
    ) -> "MetaModel":
        """Put the parts of a bundle together.

        Raises GraphError where they do not make a model, DeviceError where it cannot run there.
        """
        try:
            regression = _regression(description)
            layout, ways = description["layout"], description["ways"]
            min_ways = whole(ways, "min", 1, 1) if regression else whole(ways, "min", 2, MAX_WAYS)
            model = cls(
                theta=_theta(layout, parameters),
                sizes=tuple(parameters[name].size for name in layout),
                input=_input(description["input"]),
                recipe=_recipe(description["recipe"]),
                min_ways=min_ways,
                max_ways=whole(ways, "max", min_ways, min_ways if regression else MAX_WAYS),
                graphs=Graphs.load(graphs, threads, device),
                validated=_validated(description),
                calibration=None if regression else Calibration.from_description(description["calibration"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise GraphError(f"The model's description lacks or garbles {error}.") from error
        model._check_recipe()
        return model

    def _check_recipe(self) -> None:
        """Raise GraphError for a recipe that is not for this model."""
        scales, parts = len(self.recipe.lam_scales), len(self.sizes)
        if scales not in (0, parts):
            raise GraphError(
                f"The model's recipe has {scales} lam_scales for the {parts} parts of its layout; "
                "there must be one for each."
            )
        if self.recipe.solver == "newton_cg" and not self.graphs.has_curvature:
            raise GraphError(
                "The model's recipe is newton_cg, and it has no graph 'curvature_product'; export it again."
            )


def _regression(description: Mapping[str, Any]) -> bool:
    task = description.get("task", "classification")
    if task not in ("classification", "regression"):
        raise GraphError(f"The model's task is {task!r}; it must be classification or regression.")
    return task == "regression"


def _input(described: Mapping[str, Any]) -> Input:
    try:
        return from_description(described)
    except InputError as error:
        raise GraphError(f"{error} Train or export it again.") from error


def _theta(layout: list[str], parameters: Mapping[str, Array]) -> Array:
    """Return θ, a flat vector, with the parameters in the order of the layout, which names each once."""
    if not layout or sorted(layout) != sorted(parameters):
        raise GraphError("The model's layout does not name each of its parameters once; export it again.")
    return np.concatenate([parameters[name].ravel() for name in layout]).astype(np.float32)


def _recipe(described: Mapping[str, Any]) -> Recipe:
    try:
        recipe = Recipe(
            solver=described["solver"],
            max_steps=whole(described, "max_steps", 0, _MAX_STEPS),
            **{name: number(described, name, 0, _MAX_NUMBER) for name in ("inner_lr", "lam", "tolerance")},
            **_optional(described),
        )
    except RecipeError as error:
        raise GraphError(f"The model's recipe cannot work: {error}") from error
    if unknown := sorted(described.keys() - asdict(recipe).keys()):
        raise GraphError(f"The model's recipe has {unknown[0]!r}, which this version does not know.")
    return recipe


def _validated(description: Mapping[str, Any]) -> tuple[Recipe, ...]:
    measured = [row["recipe"] for row in description.get("recipes", ()) if row["not_below"]]
    return tuple(_recipe(described) for described in (description["recipe"], *measured))


def _optional(described: Mapping[str, Any]) -> dict[str, Any]:
    """What the recipe says of settings that older models do not have."""
    options: dict[str, Any] = {}
    if "momentum" in described:
        options["momentum"] = number(described, "momentum", 0, 1)
    for name in ("cg_steps", "memory"):
        if name in described:
            options[name] = whole(described, name, 1, _MAX_STEPS)
    if "lam_scales" in described:
        scales = [{"lam_scales": factor} for factor in described["lam_scales"]]
        options["lam_scales"] = tuple(number(scale, "lam_scales", 0, _MAX_NUMBER) for scale in scales)
    return options
