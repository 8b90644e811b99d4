"""Finding the one wrong label of a support set: by leaving examples out, and by distances under θ alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import starter
from benchmarks.detection import share_ci95
from benchmarks.report import Record, Report
from benchmarks.setting import Setting
from benchmarks.starter import Source
from imaml.runtime.calibration import prototypes
from imaml.runtime.leave_one_out import leave_out
from imaml.runtime.model import MetaModel
from imaml.runtime.support import Support

SETTINGS = ((5, 5), (5, 3))
TASKS = 200


@dataclass(frozen=True)
class Planted:
    """A support set with one wrong label, and where it is."""

    support: Support
    wrong: int


def run(setting: Setting) -> Report:
    """For each number of shots a row for each way, and one for chance."""
    bundle = starter.bundle()
    model, source = starter.load(bundle), Source.test(bundle)
    rows: list[Record] = []
    for ways, shots in SETTINGS:
        setting.say(f"mislabelled: {ways}-way {shots}-shot")
        found = list(planted(source, ways, shots))
        name, count = f"{ways}-way {shots}-shot", ways * shots
        rows += [
            _row(f"{name}, left out", [rank(margins(model, p.support), p.wrong) for p in found]),
            _row(f"{name}, distances under θ", [rank(nearness(model, p.support), p.wrong) for p in found]),
            {"benchmark": f"{name}, chance", "first (%)": 100 / count, "first two (%)": 200 / count},
        ]
    notes = [
        f"Omniglot, test characters of the starter model's split; {TASKS} support sets, of each one example "
        "given the label of another of its classes: how often it is the most suspicious, or one of the two "
        "most suspicious. ±: 95 %.",
        "left out: by the margin of its label under the parameters that are learned without it, as the "
        "service computes it; distances under θ: how much further its features lie from the mean of its "
        "class than from the nearest other mean, nothing learned again.",
    ]
    return Report("Finding a wrong label", rows, notes)


def planted(source: Source, ways: int, shots: int) -> Iterator[Planted]:
    """Support sets in which one example, any, has the label of another class, any."""
    generator = np.random.default_rng(0)
    for task in source.tasks(ways, shots, queries=1, count=TASKS):
        labels = [task.support.classes[label] for label in task.support.labels]
        chosen = int(generator.integers(len(labels)))
        others = [name for name in task.support.classes if name != labels[chosen]]
        labels[chosen] = others[generator.integers(len(others))]
        support = Support.of(task.support.examples, labels)
        yield Planted(support, support.order.index(chosen))


def margins(model: MetaModel, support: Support) -> list[float]:
    """Of each example's label, when it is left out."""
    indices = range(len(support.examples))
    return [leave_out(model, support, model.recipe, index).margin for index in indices]


def nearness(model: MetaModel, support: Support) -> NDArray[np.float32]:
    """Distance from the nearest other class's mean over that from the own class's, under θ."""
    inputs = model.input.to_input(support.examples)
    features = model.graphs.centre(model.theta, inputs, support.targets).features
    means = prototypes(features, support.targets)
    distances = np.linalg.norm(features[:, None] - means[None], axis=2)
    own = distances[np.arange(len(features)), support.labels]
    distances[np.arange(len(features)), support.labels] = np.inf
    return distances.min(1) / own


def rank(scores: NDArray[np.float32] | list[float], index: int) -> int:
    """How many score lower than this one, or as low."""
    return int((np.asarray(scores) <= scores[index]).sum()) - 1


def _row(name: str, ranks: list[int]) -> Record:
    first, two = (float(np.mean(np.array(ranks) < places)) for places in (1, 2))
    return {
        "benchmark": name,
        "first (%)": 100 * first,
        "first ±": 100 * share_ci95(first, len(ranks)),
        "first two (%)": 100 * two,
        "first two ±": 100 * share_ci95(two, len(ranks)),
    }
