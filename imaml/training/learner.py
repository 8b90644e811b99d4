"""The predictor and the inner solver of a model, built from the plain settings that are stored with it."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from imaml.nets.conv4 import Conv4
from imaml.nets.heads import Head, MaskedHead, PlainHead, PrototypeHead
from imaml.nets.losses import CrossEntropy, SquaredError
from imaml.nets.mlp import MLP
from imaml.nets.network import Network
from imaml.nets.predictor import Predictor
from imaml.nets.resnet12 import ResNet12
from imaml.runtime.recipe import Recipe
from imaml.solvers.accelerated import Accelerated
from imaml.solvers.adam import Adam
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.l_bfgs import LBFGS
from imaml.solvers.momentum import Momentum
from imaml.solvers.newton_cg import NewtonCG
from imaml.solvers.objective import InnerSolver
from imaml.store import Bundle
from imaml.tasks.dataset import Dataset
from imaml.training.config import TrainingConfig
from imaml.training.errors import TrainingError

MLP_LAYERS = 2


@dataclass(frozen=True)
class Architecture:
    """What a stored θ belongs to. `ways` is the number of rows of a plain or masked head."""

    filters: int
    head: Literal["prototype", "plain", "masked"]
    ways: int
    channels: int = 1
    size: int = 28
    network: Literal["conv4", "conv4_pool", "resnet12", "mlp"] = "conv4"
    length: int = 0
    """Of a vector; images have channels and a size instead."""
    task: Literal["classification", "regression"] = "classification"

    @classmethod
    def of(cls, config: TrainingConfig, dataset: Dataset) -> "Architecture":
        """What a run trains: settings and data together. Raises TrainingError where they do not fit."""
        shape = dataset.input.shape
        if dataset.input.kind == "image" and shape[1] != shape[2]:
            raise TrainingError(
                f"The images of {dataset.name} are {shape[1]} x {shape[2]}; they must be squares."
            )
        image = {"channels": shape[0], "size": shape[1]} if len(shape) == 3 else {"length": shape[0]}
        return cls(
            filters=config.filters,
            head=config.head,
            ways=config.max_ways or config.ways,
            network=config.network,
            task=dataset.task,
            **image,
        )

    def predictor(self) -> Predictor:
        """The network with its head and its loss."""
        network = self._network()
        loss = SquaredError() if self.task == "regression" else CrossEntropy()
        return Predictor(network, self._head(network.features), loss)

    def _network(self) -> Network:
        if self.network == "mlp":
            return MLP(self.length, (self.filters,) * MLP_LAYERS)
        if self.network == "resnet12":
            widths = tuple(round(self.filters * factor) for factor in (1, 2.5, 5, 10))
            return ResNet12(self.channels, self.size, widths)
        return Conv4(self.channels, self.filters, self.size, pool=self.network == "conv4_pool")

    def _head(self, features: int) -> Head:
        if self.head == "prototype":
            return PrototypeHead(features)
        return PlainHead(features, self.ways) if self.head == "plain" else MaskedHead(features, self.ways)


def inner_solver(recipe: Recipe) -> InnerSolver:
    """The solver that a recipe names."""
    steps, rate, tolerance = recipe.max_steps, recipe.inner_lr, recipe.tolerance
    if recipe.solver == "accelerated":
        return Accelerated(steps, rate, tolerance)
    if recipe.solver == "momentum":
        return Momentum(steps, rate, recipe.momentum, tolerance)
    if recipe.solver == "adam":
        return Adam(steps, rate, tolerance)
    if recipe.solver == "newton_cg":
        return NewtonCG(steps, recipe.cg_steps, tolerance)
    if recipe.solver == "l_bfgs":
        return LBFGS(steps, recipe.memory, tolerance)
    return GradientDescent(steps, rate, tolerance)


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
