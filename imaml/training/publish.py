"""From the best θ of a run to a bundle: calibrated on validation classes, exported, with examples to try."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from PIL import Image

from imaml.export.bundle import export
from imaml.runtime import preprocessing
from imaml.store import Bundle, Evaluation
from imaml.tasks import glyphs
from imaml.tasks.dataset import DataError, Dataset
from imaml.tasks.episodes import EpisodeSampler
from imaml.tasks.split import Split
from imaml.training.evaluation import Scores, evaluate
from imaml.training.trainer import VALIDATION_SEED, Trainer

MAX_WAYS = 100
CALIBRATION_GRID = ((2, 1), (2, 5), (5, 1), (5, 5), (10, 1), (10, 5), (20, 1), (20, 5))
CALIBRATION_QUERIES = 600  # enough for the quantile below; more ways need fewer episodes
CALIBRATION_EPISODES = 10  # at the least
KNOWN_LOST = 0.02  # share of answers to known classes that the threshold calls unknown
EXAMPLE_CLASSES, EXAMPLES_EACH = 20, 10


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
        "input": {
            "kind": "image",
            "channels": trainer.architecture.channels,
            "height": preprocessing.SIZE,
            "width": preprocessing.SIZE,
            "preprocessing": preprocessing.VERSION,
        },
        "ways": {"min": head.min_ways, "max": head.max_ways or MAX_WAYS},
        "recipe": asdict(trainer.config.recipe),
        "architecture": asdict(trainer.architecture),
        "thresholds": [
            {
                "ways": evaluation.ways,
                "shots": evaluation.shots,
                "threshold": float(np.quantile(scores.confidences, KNOWN_LOST)),
            }
            for evaluation, scores in calibration
        ],
        "split": asdict(split),
        "training": trainer.config.model_dump(mode="json", exclude={"data"}),
        "provenance": provenance,
    }
    exported = export(trainer.predictor, trainer.best_theta, description)
    return replace(exported, examples=_examples()), [evaluation for evaluation, _ in calibration]


def _calibrate(trainer: Trainer, dataset: Dataset, split: Split) -> Iterator[tuple[Evaluation, Scores]]:
    """Scores of the best θ on validation classes, for the ways and shots that these suffice for."""
    config = trainer.config
    own = (config.ways, config.shots)
    head = trainer.predictor.head
    grid = sorted({own, *CALIBRATION_GRID})
    theta = trainer.best_theta.to(trainer.device)
    for ways, shots in grid:
        if not head.min_ways <= ways <= (head.max_ways or ways):
            continue
        try:
            sampler = EpisodeSampler(
                dataset,
                split.validation,
                ways,
                shots,
                config.queries,
                seed=VALIDATION_SEED,
                device=trainer.device,
            )
        except DataError:
            continue  # too few validation classes or drawers for this setting
        episodes = max(CALIBRATION_EPISODES, CALIBRATION_QUERIES // (ways * config.queries))
        scores = evaluate(trainer.predictor, config.recipe, theta, sampler, episodes)
        yield record(scores, sampler, dataset.name, "validation"), scores


def record(
    scores: Scores, sampler: EpisodeSampler, dataset: str, split: str, transductive: bool = False
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


def _examples() -> bytes:
    """Drawings for trying a model out, of characters that no data set has: a zip of CLASS/NN.png."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        drawings = glyphs.render(EXAMPLE_CLASSES, EXAMPLES_EACH, seed=2**31)
        for character, hands in enumerate(drawings):
            for hand, drawing in enumerate(hands):
                png = io.BytesIO()
                Image.fromarray(drawing).save(png, "PNG", optimize=True)
                entry = zipfile.ZipInfo(
                    f"glyph {character + 1:02d}/{hand + 1:02d}.png", (1980, 1, 1, 0, 0, 0)
                )
                archive.writestr(entry, png.getvalue())
    return buffer.getvalue()
