"""Differences between two experiments on the very same episodes."""

from dataclasses import dataclass

from dashboard.review.comparison.interval import Interval, interval
from dashboard.review.comparison.run import Run
from imaml.client import Evaluation, ExperimentDetail

ALL = "all"  # the split that is every class of a data set


@dataclass(frozen=True)
class Task:
    """What decides the episodes of an evaluation, down to each image."""

    dataset: str
    fingerprint: str
    split: str
    classes: tuple[str, ...]
    ways: int
    shots: int
    queries: int
    episodes: int
    seed: int
    transductive: bool


@dataclass(frozen=True)
class Difference:
    """By how much a run's evaluation is better than the baseline's on the same episodes."""

    run: Run
    evaluation: Evaluation
    baseline: Evaluation
    interval: Interval


def differences(baseline: Run, run: Run) -> list[Difference]:
    """Return the differences on all episodes that both were scored on."""
    theirs, ours = scores(baseline), scores(run)
    return [_difference(run, ours[task], theirs[task]) for task in ours if task in theirs]


def scores(run: Run) -> dict[Task, Evaluation]:
    """Return the evaluations whose episodes are known; of two on the same ones the newest."""
    found: dict[Task, Evaluation] = {}
    for evaluation in sorted(run.evaluations, key=lambda each: each.created_at, reverse=True):
        if task := _task(run.experiment, evaluation):
            found.setdefault(task, evaluation)
    return found


def same_classes(one: Run, other: Run, split: str) -> bool:
    """Return whether both can be scored on the same episodes of that split."""
    ours, theirs = (_classes(each.experiment, split) for each in (one, other))
    return ours is not None and ours == theirs


def _classes(experiment: ExperimentDetail, split: str) -> tuple[str, str, tuple[str, ...]] | None:
    """The data set, its fingerprint and the classes of a split, which all is every one of."""
    fingerprint = experiment.provenance.get("dataset_fingerprint")
    classes = [] if split == ALL else experiment.split.get(split)
    if fingerprint is None or classes is None:
        return None
    return experiment.dataset, str(fingerprint), tuple(classes)


def _task(experiment: ExperimentDetail, evaluation: Evaluation) -> Task | None:
    data = _classes(experiment, evaluation.split)
    # Of data other than the experiment's own nothing is stored that tells which images they were.
    if data is None or evaluation.dataset != experiment.dataset or not evaluation.accuracies:
        return None
    dataset, fingerprint, classes = data
    return Task(
        dataset,
        fingerprint,
        evaluation.split,
        classes,
        evaluation.ways,
        evaluation.shots,
        evaluation.queries,
        evaluation.episodes,
        evaluation.seed,
        evaluation.transductive,
    )


def _difference(run: Run, evaluation: Evaluation, baseline: Evaluation) -> Difference:
    pairs = zip(evaluation.accuracies or (), baseline.accuracies or (), strict=True)
    return Difference(run, evaluation, baseline, interval([ours - theirs for ours, theirs in pairs]))
