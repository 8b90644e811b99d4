"""Trains and scores cells in slices of time; whatever is unfinished goes on from its checkpoint next time."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.tables.cells import BASELINES, FINE_TUNING, Cell
from imaml.runtime.recipe import Recipe
from imaml.tasks.dataset import Dataset
from imaml.tasks.mixture import Sampler
from imaml.tasks.split import Split, split
from imaml.training.baselines import LinearProbe, Pretraining, transferred
from imaml.training.evaluation import Scores, evaluate
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture
from imaml.training.provenance import provenance
from imaml.training.sampling import evaluation_sampler
from imaml.training.trainer import VALIDATION_SEED, Trainer

EPISODES, VALIDATION_EPISODES, EPISODE_SEED = 600, 60, 1
CHECKPOINT_SECONDS = 30.0


class Slice:
    """The time there is, and the folder that results and checkpoints lie in."""

    def __init__(self, folder: Path, data: Path, device: str, seconds: float) -> None:
        self.folder, self.data, self.device = folder, data, device
        self._end = time.monotonic() + seconds
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)

    @property
    def over(self) -> bool:
        """Whether the time is spent."""
        return time.monotonic() >= self._end

    def done(self, cell: Cell) -> bool:
        """Whether this cell has its result."""
        return (self.folder / f"{cell.slug}.json").exists()

    def work(self, cell: Cell, dataset: Dataset, say: Callable[[str], None]) -> bool:
        """Train and score a cell; False where the time ended before it was trained."""
        parts = split(dataset, cell.seed)
        config = cell.config(self.data, self.device)
        if cell.method in BASELINES:
            trained = _baseline(cell, dataset, parts)
        else:
            trainer = Trainer(config, dataset, parts)
            seconds = self._train(cell, trainer, say)
            if seconds is None:
                return False
            trained = FewShot(trainer.predictor), trainer.best_recipe, trainer.best_theta, seconds
        problem, recipe, theta, seconds = trained
        result = {
            "cell": asdict(cell),
            "command": f"python -m benchmarks.tables --data PATH --only {cell.slug}",
            "config": config.model_dump(mode="json", exclude={"data", "name"}),
            "recipe": asdict(recipe),
            "wall_seconds": round(seconds, 1),
            "provenance": provenance(dataset, torch.device("cpu" if self.device == "auto" else self.device)),
        }
        for name, transductive in (("inductive", False), ("transductive", True)):
            sampler = _sampler(dataset, parts.test, cell, EPISODE_SEED)
            scores = evaluate(problem, recipe, theta, sampler, EPISODES, transductive)
            result[name] = _summary(scores)
            say(f"{cell.slug}: {name} {scores.accuracy:.4f} ± {scores.ci95:.4f}")
        (self.folder / f"{cell.slug}.json").write_text(json.dumps(result, indent=1) + "\n")
        return True

    def _train(self, cell: Cell, trainer: Trainer, say: Callable[[str], None]) -> float | None:
        """Meta-train to the end, from the checkpoint if there is one: the seconds in all, or None."""
        path = self.folder / "checkpoints" / f"{cell.slug}.safetensors"
        clock = path.with_suffix(".seconds")
        before = 0.0
        if path.exists():
            trainer.restore(path.read_bytes())
            before = float(clock.read_text())
        started = saved = time.monotonic()
        while trainer.step < trainer.config.meta_steps:
            trainer.advance()
            if trainer.step % trainer.config.validate_every == 0:
                scores = trainer.validate()
                say(f"{cell.slug}: step {trainer.step}, validation {scores.accuracy:.4f}")
            now = time.monotonic()
            if self.over or now - saved > CHECKPOINT_SECONDS or trainer.step == trainer.config.meta_steps:
                path.write_bytes(trainer.checkpoint())
                clock.write_text(f"{before + now - started}")
                saved = now
            if self.over and trainer.step < trainer.config.meta_steps:
                return None
        return before + time.monotonic() - started


def _baseline(cell: Cell, dataset: Dataset, parts: Split) -> tuple[FewShot, Recipe, Tensor, float]:
    """A baseline's problem, the recipe that validation characters prefer, θ, and the seconds it took."""
    started = time.monotonic()
    network = Architecture(filters=64, head="plain", ways=cell.ways).predictor().network
    parameters = network.initialise(torch.Generator().manual_seed(cell.seed))
    if cell.method != "From scratch":
        pretraining = Pretraining(cell.pretraining_steps, multi_task=cell.method.endswith("multi-task"))
        parameters = pretraining.train(network, dataset, parts.train, cell.seed)
    predictor, theta = transferred(network, parameters, cell.ways)
    problem = LinearProbe(predictor) if cell.method.endswith("multi-task") else FewShot(predictor)
    sampler = _sampler(dataset, parts.validation, cell, VALIDATION_SEED)
    scores = {
        recipe: evaluate(problem, recipe, theta, sampler, VALIDATION_EPISODES).accuracy
        for recipe in FINE_TUNING
    }
    return problem, max(scores, key=lambda recipe: scores[recipe]), theta, time.monotonic() - started


def _sampler(dataset: Dataset, classes: tuple[str, ...], cell: Cell, seed: int) -> Sampler:
    return evaluation_sampler(dataset, classes, cell.ways, cell.shots, 5, seed, torch.device("cpu"))


def _summary(scores: Scores) -> dict[str, Any]:
    return {
        "accuracy": scores.accuracy,
        "ci95": scores.ci95,
        "accuracy_unadapted": scores.accuracy_unadapted,
        "episodes": len(scores.accuracies),
    }
