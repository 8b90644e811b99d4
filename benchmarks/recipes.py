"""Two ways of implicit MAML for the same time: few steps and a small λ, or inner problems that are solved."""

import time
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean
from typing import Any

from torch import Tensor

from benchmarks.report import Record, Report
from benchmarks.setting import Setting, cpu_threads
from imaml import tasks
from imaml.runtime.recipe import Recipe
from imaml.tasks.mixture import Sampler
from imaml.tasks.split import split
from imaml.training.config import TrainingConfig
from imaml.training.evaluation import evaluate
from imaml.training.fewshot import FewShot
from imaml.training.methods import adaptation_for
from imaml.training.sampling import evaluation_sampler
from imaml.training.trainer import MetaStep, Trainer

WAYS, SHOTS, TASKS, EPISODES, EPISODE_SEED = 5, 5, 8, 200, 7
SECONDS = 45.0
"""Of training, on one thread, for each recipe."""

LAST = 50
"""Meta-steps over whose end the training's numbers are averaged."""

TEST_STEPS = (0, 1, 2, 5, 10, 20)
RECIPES: Mapping[str, Mapping[str, Any]] = {
    "5 steps": {"inner_steps": 5, "inner_lr": 0.3, "lam": 0.03},
    "20 steps": {"inner_steps": 20, "inner_lr": 0.3, "lam": 0.03},
    "Newton-CG to 0.001": {"inner_solver": "newton_cg", "inner_steps": 20, "lam": 0.03},
    "momentum to 0.001": {"inner_solver": "momentum", "inner_steps": 200, "inner_lr": 0.1, "lam": 0.03},
}


def run(setting: Setting) -> Report:
    """Train by each recipe, and score each θ with other numbers of steps too."""
    with cpu_threads(1):
        rows = [_row(name, settings, setting) for name, settings in RECIPES.items()]
    return Report(
        "Few inner steps, or inner problems that are solved",
        rows,
        [
            f"`clusters`, {WAYS}-way {SHOTS}-shot; each trained for {SECONDS:g} seconds on one thread, "
            f"{TASKS} tasks a meta-step; accuracy over {EPISODES} new tasks after so many steps at test.",
            "The recipes that solve stop at ‖∇F‖ ≤ 0.001 in training. Their λ is the best on other tasks of "
            "0.03, 0.1, 0.3 and 1.",
            "‖∇F‖: mean over those tasks after the training's own number of steps. ‖dF/dθ‖ and the share of "
            f"indefinite tasks (CG met negative curvature): mean of the last {LAST} meta-steps.",
        ],
    )


def config(settings: Mapping[str, Any]) -> TrainingConfig:
    """A run's settings; the number of its meta-steps is that of the time that there is."""
    tolerance = 1e-3 if "inner_solver" in settings else 0.0
    return TrainingConfig.model_validate(
        {
            "name": "recipe",
            "dataset": "clusters",
            "ways": WAYS,
            "shots": SHOTS,
            "meta_batch": TASKS,
            "meta_steps": 10_000,
            "meta_lr": 3e-3,
            "cg_steps": 5,
            "average": 0.98,
            "inner_tolerance": tolerance,
            "device": "cpu",
            **settings,
        }
    )


def _row(name: str, settings: Mapping[str, Any], setting: Setting) -> Record:
    setting.say(f"recipes: {name}")
    chosen = config(settings)
    dataset = tasks.load("clusters", None)
    parts = split(dataset, chosen.seed)
    trainer = Trainer(chosen, dataset, parts)
    steps = train(trainer, SECONDS)
    sampler = evaluation_sampler(
        dataset, parts.test, WAYS, SHOTS, chosen.queries, EPISODE_SEED, setting.device
    )
    problem, theta = FewShot(trainer.predictor), trainer.average
    scores = {
        f"{count} steps": evaluate(
            problem, replace(chosen.recipe, max_steps=count, tolerance=0.0), theta, sampler, EPISODES
        )
        for count in TEST_STEPS
    }
    last = steps[-LAST:]
    return {
        "training": name,
        "λ": chosen.lam,
        "meta-steps": len(steps),
        **{steps: score.accuracy for steps, score in scores.items()},
        "± at most": max(score.ci95 for score in scores.values()),
        "‖∇F‖": _residual(problem, chosen.recipe, theta, sampler),
        "‖dF/dθ‖": fmean(step.meta_gradient_norm for step in last),
        "indefinite (%)": 100 * fmean(step.negative_curvature for step in last),
    }


def train(trainer: Trainer, seconds: float) -> list[MetaStep]:
    """Take meta-steps until the time is over."""
    steps: list[MetaStep] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        steps.append(trainer.advance())
    return steps


def _residual(problem: FewShot, recipe: Recipe, theta: Tensor, sampler: Sampler) -> float:
    adaptation = adaptation_for(problem, recipe)
    batch = sampler.batch(0, EPISODES)
    solution = adaptation.solve(adaptation.centres(theta, batch).detach(), batch)
    return float(solution.residual.mean())
