"""From the best θ of a run to a bundle: calibrated on validation classes, exported, with examples to try."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from imaml.export.bundle import export
from imaml.store import Bundle, Evaluation
from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.mixture import Sampler
from imaml.tasks.split import Split
from imaml.training.evaluation import Scores, evaluate
from imaml.training.examples import examples
from imaml.training.fewshot import FewShot
from imaml.training.sampling import evaluation_sampler
from imaml.training.trainer import VALIDATION_SEED, Trainer

MAX_WAYS = 100
CALIBRATION_GRID = ((2, 1), (2, 5), (5, 1), (5, 5), (10, 1), (10, 5), (20, 1), (20, 5))
CALIBRATION_QUERIES = 600  # enough for the quantile below; more ways need fewer episodes
CALIBRATION_EPISODES = 10  # at the least
KNOWN_LOST = 0.02  # share of answers to known classes that the threshold calls unknown


def bundle(
    trainer: Trainer, dataset: Dataset, split: Split, provenance: dict[str, Any]
) -> tuple[Bundle, list[Evaluation]]:
    """Export the best θ of a trainer, with the validation scores that its thresholds come from.

    Raises ParityError where the graphs do not compute what torch computes.
    """
    calibration = list(_calibrate(trainer, dataset, split))
    head = trainer.predictor.head
    description = {
        "name": trainer.config.name,
        "dataset": dataset.name,
        "task": dataset.task,
        "input": dataset.input.describe(),
        "ways": {"min": head.min_ways, "max": head.max_ways or MAX_WAYS},
        "recipe": asdict(trainer.best_recipe),
        "architecture": asdict(trainer.architecture),
        "thresholds": [
            {
                "ways": evaluation.ways,
                "shots": evaluation.shots,
                "threshold": float(np.quantile(scores.confidences, KNOWN_LOST)),
            }
            for evaluation, scores in calibration
            if scores.confidences
        ],
        "split": asdict(split),
        "training": trainer.config.model_dump(mode="json", exclude={"data"}),
        "provenance": provenance,
    }
    exported = export(trainer.predictor, trainer.best_theta, description)
    return replace(exported, examples=examples(dataset, split)), [evaluation for evaluation, _ in calibration]


def _calibrate(trainer: Trainer, dataset: Dataset, split: Split) -> Iterator[tuple[Evaluation, Scores]]:
    """Scores of the best θ on validation classes, for the ways and shots that these suffice for."""
    config, head = trainer.config, trainer.predictor.head
    theta, problem = trainer.best_theta.to(trainer.device), FewShot(trainer.predictor)
    own = (config.ways, config.shots)
    for ways, shots in sorted({own, *CALIBRATION_GRID}):
        if not head.min_ways <= ways <= (head.max_ways or ways):
            continue
        try:
            sampler = evaluation_sampler(
                dataset, split.validation, ways, shots, config.queries, VALIDATION_SEED, trainer.device
            )
        except DataError:
            continue  # too few validation classes or examples for this setting
        episodes = max(CALIBRATION_EPISODES, CALIBRATION_QUERIES // (ways * config.queries))
        scores = evaluate(problem, trainer.best_recipe, theta, sampler, episodes)
        yield record(scores, sampler, dataset.name, "validation"), scores


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
