"""From a run's settings to its method: how tasks are adapted to, and what the outer optimiser is told."""

from collections.abc import Callable
from dataclasses import replace
from math import log
from typing import Any

import torch
from torch import Tensor

from imaml.metagrads.adaptation import Adaptation, PlainDescent, ProximalAdaptation
from imaml.metagrads.compiled import CompilationError, CompiledProblem
from imaml.metagrads.first_order import FirstOrderGradient
from imaml.metagrads.gradient_dropout import GradientDropout
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.method import MetaMethod
from imaml.metagrads.reptile import Reptile
from imaml.metagrads.strength import LayerStrengths
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.runtime.recipe import Recipe
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.neumann import Neumann
from imaml.tasks.episodes import Episodes
from imaml.training.config import TrainingConfig
from imaml.training.errors import TrainingError
from imaml.training.fewshot import FewShot
from imaml.training.learner import inner_solver

_PLAIN: dict[str, Callable[[PlainDescent[Episodes]], MetaMethod[Episodes]]] = {
    "maml": UnrolledGradient,
    "fomaml": FirstOrderGradient,
    "reptile": Reptile,
    "prototypical": FirstOrderGradient,  # with no steps there is no path to leave out
}
_LINEAR = {"cg": ConjugateGradient, "neumann": Neumann}


def adaptation_for(problem: FewShot, recipe: Recipe) -> Adaptation[Episodes]:
    """How a recipe adapts."""
    solver = inner_solver(recipe)
    if recipe.lam == 0:
        return PlainDescent(problem, solver)
    if not recipe.lam_scales:
        return ProximalAdaptation(problem, solver, recipe.lam)
    log_lam = (recipe.lam * torch.tensor(recipe.lam_scales)).log()
    return ProximalAdaptation(problem, solver, LayerStrengths(problem.predictor.layout, log_lam))


class MethodFactory:
    """Makes the method of a run for each value of λ; what is compiled is compiled once."""

    def __init__(self, config: TrainingConfig, problem: FewShot) -> None:
        """Raises TrainingError where compiling was asked for and cannot be done."""
        self._config = config
        self._problem = problem
        try:
            compiled = CompiledProblem(problem) if config.compile else None
        except CompilationError as error:
            raise TrainingError(f"{error}") from error
        self._options: dict[str, Any] = {"autocast": config.precision == "bfloat16", "compiled": compiled}

    def initial_log_lam(self) -> Tensor:
        """The logarithms of the λ that are learned: none, one, or one for each part of θ."""
        count = {"no": 0, "scalar": 1, "layers": len(self._problem.predictor.layout.shapes)}
        return torch.full((count[self._config.learn_lam],), log(self._config.lam or 1.0))

    def recipe(self, log_lam: Tensor) -> Recipe:
        """The run's recipe, with the λ that was learned."""
        if not len(log_lam):
            return self._config.recipe
        log_lam = log_lam.detach().cpu().double()
        mean = log_lam.mean()
        scales = (log_lam - mean).exp().tolist() if len(log_lam) > 1 else ()
        return replace(self._config.recipe, lam=float(mean.exp()), lam_scales=tuple(scales))

    def method(self, log_lam: Tensor) -> MetaMethod[Episodes]:
        """The method with these λ; `log_lam` is empty where λ is not learned."""
        config, problem, options = self._config, self._problem, self._options
        solver = inner_solver(config.recipe)
        if config.algorithm != "imaml":
            share = config.gradient_dropout
            dropout = GradientDropout(share, seed=config.seed) if share else None
            return _PLAIN[config.algorithm](PlainDescent(problem, solver, dropout=dropout, **options))
        lam = LayerStrengths(problem.predictor.layout, log_lam) if len(log_lam) else config.lam
        linear = _LINEAR[config.linear_solver](config.cg_steps)
        adaptation = ProximalAdaptation(problem, solver, lam, **options)
        return ImplicitGradient(adaptation, linear, config.damping, config.curvature)
