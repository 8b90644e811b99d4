"""`imaml evaluate`: accuracy of a stored model on episodes of its unseen characters."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from imaml.commands.data import load
from imaml.commands.database import open_store
from imaml.commands.output import json_option, print_json
from imaml.commands.train import torch_required
from imaml.runtime.calibration import Calibration
from imaml.runtime.inputs import InputError, from_description
from imaml.store import Evaluation, Model, bundles
from imaml.training.config import MADE, MAX_SEED
from imaml.training.errors import TrainingError

if TYPE_CHECKING:
    from imaml.tasks import Dataset
    from imaml.training.evaluation import Scores

SPLITS = ("train", "validation", "test", "all")


@click.command()
@click.argument("model")
@click.option("--dataset", help="Data set; omniglot where --data is given, else the model's own.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder or archive of the data set.")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="test",
    show_default=True,
    help="Part of the split stored with the model; all: data that the model has never seen.",
)
@click.option("--ways", type=click.IntRange(2), default=5, show_default=True)
@click.option("--shots", type=click.IntRange(1), default=1, show_default=True)
@click.option("--queries", type=click.IntRange(1), default=5, show_default=True, help="Of each class.")
@click.option("--episodes", type=click.IntRange(2), default=600, show_default=True)
@click.option(
    "--seed", type=click.IntRange(0, MAX_SEED), default=1, show_default=True, help="Of the episodes alone."
)
@click.option(
    "--transductive",
    is_flag=True,
    help="Normalise by the query batch, as the papers' code does; no service can do this.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@json_option
def evaluate(
    model: str,
    dataset: str | None,
    data: Path | None,
    split: str,
    ways: int,
    shots: int,
    queries: int,
    episodes: int,
    seed: int,
    transductive: bool,
    device: str,
    as_json: bool,
) -> None:
    """Score MODEL (a name, name@alias, name:version or id) and store the result."""
    with torch_required():
        from imaml.training.evaluation import evaluate as score
        from imaml.training.fewshot import FewShot
        from imaml.training.learner import choose_device, from_bundle
        from imaml.training.publish import record
        from imaml.training.sampling import evaluation_sampler
    store = open_store()
    with store.reading() as transaction:
        row = transaction.models.resolve(model)
        bundle = bundles.read(transaction.models.bundle(row))
    chosen = choose_device(device)
    predictor, theta, recipe = from_bundle(bundle)
    head = predictor.head
    if row.description.get("task") == "regression":
        ways = 1
    if not head.min_ways <= ways <= (head.max_ways or ways):
        raise TrainingError(f"{model} learns {head.min_ways} to {head.max_ways} classes, not {ways}.")
    images = _data(row, dataset, data)
    classes = _classes(row, images, split)
    sampler = evaluation_sampler(images, classes, ways, shots, queries, seed, chosen)
    with click.progressbar(length=episodes, label="episodes", file=sys.stderr) as bar:
        scores = score(
            FewShot(predictor),
            recipe,
            theta.to(chosen),
            sampler,
            episodes,
            transductive,
            progress=lambda done: bar.update(done - bar.pos),
        )
    evaluation = record(scores, sampler, images.name, split, transductive)
    evaluation.model_id, evaluation.experiment_id = row.id, row.experiment_id
    with store.transaction() as transaction:
        transaction.evaluations.add(evaluation)
    confidence = _confidence(row, scores, ways, shots)
    if as_json:
        print_json(_result(row, evaluation) | confidence)
    else:
        click.echo(_sentence(row, evaluation, confidence))


def _confidence(model: Model, scores: "Scores", ways: int, shots: int) -> dict[str, float]:
    """The expected calibration error without and with the temperature that is stored; none for regression."""
    if not scores.logits:
        return {}
    from imaml.training.confidence import calibration_error, softmax

    temperature = (
        Calibration.from_description(model.description["calibration"]).nearest(ways, shots).temperature
    )
    logits = np.concatenate([logits.double().numpy() for logits in scores.logits])
    labels = np.concatenate([labels.numpy() for labels in scores.labels])
    return {
        "temperature": temperature,
        "calibration_error_before": calibration_error(softmax(logits), labels),
        "calibration_error": calibration_error(softmax(logits / temperature), labels),
    }


def _result(model: Model, evaluation: Evaluation) -> dict[str, Any]:
    fields = ("dataset", "split", "ways", "shots", "queries", "episodes", "accuracy", "ci95")
    fields += ("accuracy_unadapted", "transductive", "seed")
    reference = {"model": f"{model.name}:{model.version}", "model_id": model.id}
    return reference | {name: getattr(evaluation, name) for name in fields}


def _sentence(model: Model, evaluation: Evaluation, confidence: dict[str, float]) -> str:
    protocol = "transductive" if evaluation.transductive else "inductive"
    calibrated = (
        f"; calibration error {confidence['calibration_error']:.4f} "
        f"(at temperature 1: {confidence['calibration_error_before']:.4f})"
        if confidence
        else ""
    )
    return (
        f"{model.name}:{model.version} on {evaluation.dataset} ({evaluation.split}), "
        f"{evaluation.ways}-way {evaluation.shots}-shot, {protocol}: "
        f"{evaluation.accuracy:.4f} ± {evaluation.ci95:.4f} (95 % CI, {evaluation.episodes} episodes), "
        f"at 0 steps {evaluation.accuracy_unadapted:.4f}{calibrated}"
    )


def _data(model: Model, name: str | None, path: Path | None) -> "Dataset":
    """The data to score on, made as the model's own were."""
    own: str = model.description["dataset"]
    name = name or ("omniglot" if path and own in MADE else own)
    seen = model.description["input"]
    images = load(name, path, seen.get("height", 0), seen.get("channels") == 1)
    try:
        learned = from_description(seen)
    except InputError as error:
        raise TrainingError(f"{error}") from error
    if images.input.shape != learned.shape or type(images.input) is not type(learned):
        raise TrainingError(
            f"{model.name} takes inputs of shape {learned.shape}, {images.name} has {images.input.shape}; "
            "give the data that it was made for."
        )
    return replace(images, input=learned)


def _classes(model: Model, dataset: "Dataset", split: str) -> tuple[str, ...]:
    """The classes to score on; what is odd about them goes to stderr."""
    stored = model.description["split"]
    if split == "all":
        seen = set(stored["train"]) & set(dataset.class_names)
        if dataset.name == model.description["dataset"] and seen:
            click.echo(f"note: {len(seen)} of these classes were trained on; use --split test", err=True)
        return dataset.class_names
    if dataset.name != model.description["dataset"]:
        raise TrainingError(
            f"the model's split is one of {model.description['dataset']}, not of {dataset.name}; "
            "use --split all for data that it has never seen"
        )
    if dataset.fingerprint != model.description["provenance"]["dataset_fingerprint"]:
        click.echo("note: these are not the very images that the model was trained on", err=True)
    return tuple(stored[split])
