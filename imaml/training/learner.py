"""The predictor and the inner solver of a model, built from the plain settings that are stored with it."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from imaml.nets.conv4 import Conv4
from imaml.nets.heads import PlainHead, PrototypeHead
from imaml.nets.predictor import Predictor
from imaml.runtime.recipe import Recipe
from imaml.solvers.gradient_descent import GradientDescent
from imaml.store import Bundle
from imaml.training.errors import TrainingError


@dataclass(frozen=True)
class Architecture:
    """What a stored θ belongs to. `ways` is the number of slots of a plain head."""

    filters: int
    head: Literal["prototype", "plain"]
    ways: int
    channels: int = 1
    size: int = 28

    def predictor(self) -> Predictor:
        """The network with its head."""
        network = Conv4(self.channels, self.filters, self.size)
        if self.head == "plain":
            return Predictor(network, PlainHead(network.features, self.ways))
        return Predictor(network, PrototypeHead(network.features))


def inner_solver(recipe: Recipe) -> GradientDescent:
    """The solver that a recipe names."""
    return GradientDescent(recipe.max_steps, recipe.inner_lr, recipe.tolerance)


def from_bundle(bundle: Bundle) -> tuple[Predictor, Tensor, Recipe]:
    """The predictor, θ and recipe of a stored model. Raises TrainingError where they do not fit together."""
    try:
        predictor = Architecture(**bundle.description["architecture"]).predictor()
        recipe = Recipe(**bundle.description["recipe"])
        parameters = {name: torch.from_numpy(value) for name, value in bundle.parameters.items()}
        if {name: tuple(p.shape) for name, p in parameters.items()} != dict(predictor.layout.shapes):
            raise TrainingError("The model's parameters are not those of its architecture.")
        theta = torch.cat([parameters[name].flatten() for name in predictor.layout.shapes])
    except (KeyError, TypeError) as error:
        raise TrainingError(f"The model's description lacks or garbles {error}.") from error
    return predictor, theta, recipe


def choose_device(name: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` stands for. Raises TrainingError where there is none such."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda was asked for but no GPU is usable; use --device auto or cpu.")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise TrainingError(f"--device {name} is not known; use auto, cpu or cuda.") from error
