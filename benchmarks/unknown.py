"""Telling characters of other classes from those that were taught, by similarity and by maximum softmax."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks import starter
from benchmarks.detection import Scores, auroc, bootstrapped, lost
from benchmarks.report import Record, Report
from benchmarks.setting import Setting
from benchmarks.starter import Source, Task
from imaml.runtime.adaptation import Adapted, adapt
from imaml.runtime.leave_one_out import leave_out, refined_threshold
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Examples, Support

SETTINGS = ((5, 1), (5, 5), (20, 1))
REFINED = (5, 5)
"""Where there are examples to leave out, and few enough of them."""

QUERIES, TASKS = 5, 100


@dataclass(frozen=True)
class Scored:
    """Scores of the queries of each task."""

    known: list[Scores] = field(default_factory=list[Scores])
    unknown: list[Scores] = field(default_factory=list[Scores])

    def columns(self) -> dict[str, float]:
        """How well they part the two."""
        area, area_ci95 = bootstrapped(auroc, self.known, self.unknown)
        share, share_ci95 = bootstrapped(lost, self.known, self.unknown)
        return {
            "AUROC": area,
            "AUROC ±": area_ci95,
            "known lost at 5 % accepted (%)": 100 * share,
            "lost ±": 100 * share_ci95,
        }

    def at(self, thresholds: list[float]) -> dict[str, float]:
        """What a threshold for each task does."""
        return {
            "threshold: known lost (%)": 100 * _below(self.known, thresholds),
            "threshold: unknown accepted (%)": 100 * (1 - _below(self.unknown, thresholds)),
        }


def run(setting: Setting) -> Report:
    """For each number of ways and shots a row for each score, and one for the refined threshold."""
    bundle = starter.bundle()
    model, source = starter.load(bundle), Source.test(bundle)
    rows: list[Record] = []
    for ways, shots in SETTINGS:
        setting.say(f"unknown: {ways}-way {shots}-shot")
        tasks = list(source.tasks(ways, shots, QUERIES, TASKS))
        rows += _rows(model, tasks, f"{ways}-way {shots}-shot", refine=(ways, shots) == REFINED)
    notes = [
        f"Omniglot, test characters of the starter model's split; {TASKS} tasks, each with {QUERIES} queries "
        "of every class that was taught and as many of as many other classes. ±: 95 %, over tasks.",
        "similarity: the service's; maximum softmax: the highest probability, without calibration.",
        "threshold: the one that is stored with the model; refined: by what leaving out each example of the "
        "support set says, a threshold for each task.",
    ]
    return Report("Telling unknown classes", rows, notes)


def _rows(model: MetaModel, tasks: list[Task], name: str, refine: bool) -> list[Record]:
    similarity, softmax = Scored(), Scored()
    for task in tasks:
        adapted, _ = adapt(model, task.support, model.recipe)
        for images, which in ((task.known, "known"), (task.unknown, "unknown")):
            similarities, shares = scores(model, adapted, images)
            getattr(similarity, which).append(similarities)
            getattr(softmax, which).append(shares)
    stored = similarity.at([threshold(model, task.support) for task in tasks])
    rows: list[Record] = [
        {"benchmark": f"{name}, similarity", **similarity.columns(), **stored},
        {"benchmark": f"{name}, maximum softmax", **softmax.columns()},
    ]
    if refine:
        refined = similarity.at([refined_threshold_of(model, task.support) for task in tasks])
        rows.insert(1, {"benchmark": f"{name}, similarity, refined", **refined})
    return rows


def threshold(model: MetaModel, support: Support) -> float:
    """The one that is stored for tasks like this."""
    measured = model.measured(support)
    assert measured
    return measured.unknown_threshold


def scores(model: MetaModel, adapted: Adapted, images: Examples) -> tuple[Scores, Scores]:
    """Similarity of each image, and its highest probability at temperature 1."""
    assert model.calibration
    inputs = model.input.to_input(images)
    probabilities, features = model.graphs.predict(adapted.phi, adapted.moments, inputs, temperature=1.0)
    return model.calibration.similarities(features, adapted.prototypes), probabilities.max(1)


def refined_threshold_of(model: MetaModel, support: Support) -> float:
    """The threshold that the support set's own examples refine."""
    assert model.calibration
    left_out = [leave_out(model, support, model.recipe, index) for index in range(len(support.examples))]
    return refined_threshold(model.calibration, support, left_out)


def _below(scores: list[Scores], thresholds: list[float]) -> float:
    """The share of all scores that are below the threshold of their task."""
    below = [part < limit for part, limit in zip(scores, thresholds, strict=True)]
    return float(np.mean(np.concatenate(below)))
