"""From the best θ of a run to a bundle: exported, its recipe chosen, calibrated, with examples to try."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from imaml.export.bundle import export
from imaml.runtime.adaptation import Diverged
from imaml.runtime.graphs import OPTIONAL, Graphs
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.store import Bundle, Evaluation
from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.mixture import Sampler
from imaml.tasks.split import Split
from imaml.training import serving
from imaml.training.errors import TrainingError
from imaml.training.evaluation import Scores, evaluate
from imaml.training.examples import examples
from imaml.training.fewshot import FewShot
from imaml.training.sampling import evaluation_sampler
from imaml.training.serving import Answers
from imaml.training.trainer import VALIDATION_SEED, Trainer

MAX_WAYS = 100
CALIBRATION_GRID = ((2, 1), (2, 5), (5, 1), (5, 5), (10, 1), (10, 5), (20, 1), (20, 5))
CALIBRATION_QUERIES = 30  # for each episode of a validation; more ways need fewer episodes
CALIBRATION_EPISODES = 10  # at the least
CALIBRATION_SEED = 2  # other episodes than those by which θ and the recipe were chosen
BATCHED = ("conv4",)  # networks of which a batch of tasks can be exported with all other sizes free
MORE_SHOTS = 5  # recipes are compared at these shots too


def bundle(
    trainer: Trainer, dataset: Dataset, split: Split, provenance: dict[str, Any]
) -> tuple[Bundle, list[Evaluation]]:
    """Export the best θ of a trainer, with the validation scores that its calibration comes from.

    Raises ParityError where the graphs do not compute what torch computes.
    """
    config, head = trainer.config, trainer.predictor.head
    exported = export(trainer.predictor, trainer.best_theta, _optional_graphs(trainer))
    description = {
        "name": config.name,
        "dataset": dataset.name,
        "task": dataset.task,
        "input": dataset.input.describe(),
        "ways": {"min": head.min_ways, "max": head.max_ways or MAX_WAYS},
        "recipe": asdict(trainer.best_recipe),
        "architecture": asdict(trainer.architecture),
        "split": asdict(split),
        "training": config.model_dump(mode="json", exclude={"data"}),
        "provenance": provenance,
        **exported.description,
    }
    samplers = Samplers(trainer, dataset, split)
    if dataset.task == "classification":
        measured = _Measured.of(exported, trainer.best_recipe, samplers)
        description |= measured.description
        evaluations = measured.evaluations(dataset.name)
    else:
        evaluations = _regression_evaluations(trainer, samplers)
    return replace(exported, description=description, examples=examples(dataset, split)), evaluations


def _optional_graphs(trainer: Trainer) -> list[str]:
    """What is exported beside the graphs that every model has."""
    full = not trainer.config.minimal_export
    wanted = {
        "curvature_product": full or trainer.best_recipe.solver == "newton_cg",
        "value_and_gradient_batch": full and trainer.architecture.network in BATCHED,
    }
    return [name for name in OPTIONAL if wanted[name]]


@dataclass(frozen=True)
class Samplers:
    """Tasks of validation classes, of any size that these and the head suffice for."""

    trainer: Trainer
    dataset: Dataset
    split: Split

    def of(self, ways: int, shots: int, seed: int) -> Sampler | None:
        """Tasks of this size; None where there are too few classes or examples for them."""
        head = self.trainer.predictor.head
        if not head.min_ways <= ways <= (head.max_ways or ways):
            return None
        classes, queries = self.split.validation, self.trainer.config.queries
        try:
            return evaluation_sampler(self.dataset, classes, ways, shots, queries, seed, self.trainer.device)
        except DataError:
            return None

    def all_of(self, sizes: set[tuple[int, int]], seed: int) -> list[Sampler]:
        """Tasks of those of these sizes that there are, small ones first."""
        found = (self.of(*size, seed) for size in sorted(sizes))
        return [sampler for sampler in found if sampler]


@dataclass(frozen=True)
class _Measured:
    """What the graphs of a θ do on validation classes."""

    description: dict[str, Any]
    answers: list[tuple[Sampler, Answers, Answers]]
    """By size: those of the recipe, and those at 0 steps."""

    @classmethod
    def of(cls, exported: Bundle, trainers: Recipe, samplers: Samplers) -> "_Measured":
        """Choose the recipe, and calibrate its answers."""
        config = samplers.trainer.config
        own = (config.ways, config.shots)
        model = _model(exported, samplers, trainers)
        table = serving.compare_recipes(
            model,
            serving.candidates(trainers, model.graphs.has_curvature),
            samplers.all_of({own, (config.ways, MORE_SHOTS)}, VALIDATION_SEED),
            config.validation_episodes,
        )
        recipe = serving.fastest(table) if table else trainers
        grid = samplers.all_of({own, *CALIBRATION_GRID}, CALIBRATION_SEED)
        answers = list(_answers(model, recipe, grid, CALIBRATION_QUERIES * config.validation_episodes))
        if not answers:
            raise TrainingError(
                f"The adaptation leaves the finite numbers on every validation task with inner_lr "
                f"{recipe.inner_lr} and lam {recipe.lam}; lower --inner-lr or --lam."
            )
        calibration = serving.calibrate(model, [(sampler, adapted) for sampler, adapted, _ in answers])
        rows = [{**row, "recipe": asdict(row["recipe"])} for row in table]
        return cls({"recipe": asdict(recipe), "recipes": rows, "calibration": calibration}, answers)

    def evaluations(self, dataset: str) -> list[Evaluation]:
        """The scores as the store keeps them."""
        return [
            record(Scores(adapted.accuracies, unadapted.accuracies), sampler, dataset, "validation")
            for sampler, adapted, unadapted in self.answers
        ]


def _model(exported: Bundle, samplers: Samplers, recipe: Recipe) -> MetaModel:
    head = samplers.trainer.predictor.head
    parameters = [exported.parameters[name] for name in exported.description["layout"]]
    return serving.uncalibrated(
        Graphs.load(exported.graphs, threads=1),
        np.concatenate([value.ravel() for value in parameters]),
        tuple(value.size for value in parameters),
        samplers.dataset.input,
        recipe,
        (head.min_ways, head.max_ways or MAX_WAYS),
    )


def _answers(
    model: MetaModel, recipe: Recipe, grid: list[Sampler], queries: int
) -> Iterator[tuple[Sampler, Answers, Answers]]:
    for sampler in grid:
        episodes = max(CALIBRATION_EPISODES, queries // (sampler.ways * sampler.queries))
        try:
            adapted = serving.answers(model, recipe, sampler, episodes)
        except Diverged:
            continue
        yield sampler, adapted, serving.answers(model, replace(recipe, max_steps=0), sampler, episodes)


def _regression_evaluations(trainer: Trainer, samplers: Samplers) -> list[Evaluation]:
    config, theta = trainer.config, trainer.best_theta.to(trainer.device)
    [sampler] = samplers.all_of({(config.ways, config.shots)}, CALIBRATION_SEED)
    problem, episodes = FewShot(trainer.predictor), config.validation_episodes
    scores = evaluate(problem, trainer.best_recipe, theta, sampler, episodes)
    return [record(scores, sampler, samplers.dataset.name, "validation")]


def record(
    scores: Scores, sampler: Sampler, dataset: str, split: str, transductive: bool = False
) -> Evaluation:
    """Scores as the store keeps them."""
    return Evaluation(
        dataset=dataset,
        split=split,
        ways=sampler.ways,
        shots=sampler.shots,
        queries=sampler.queries,
        episodes=len(scores.accuracies),
        seed=sampler.seed,
        transductive=transductive,
        accuracy=scores.accuracy,
        ci95=scores.ci95,
        accuracy_unadapted=scores.accuracy_unadapted,
        accuracies=scores.accuracies,
    )
