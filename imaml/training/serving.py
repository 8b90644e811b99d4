"""How a model serves, measured on validation classes through its exported graphs: recipes and calibration.

Everything here runs as the service runs it, so that times, thresholds and temperatures are those of what is
stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median
from typing import Any

import numpy as np

from imaml.runtime.adaptation import Diverged, adapt
from imaml.runtime.calibration import Calibration, Home, Setting, home_of, signature, squared_distances
from imaml.runtime.graphs import Array, Graphs
from imaml.runtime.inputs import Input
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.tasks.mixture import Sampler
from imaml.training.confidence import calibration_error, fit_temperature, softmax
from imaml.training.interval import ci95

KNOWN_LOST = 0.05  # share of answers to known classes that the threshold calls unknown
HOME_LOST = 0.005  # share of support sets of validation classes that count as far from home
HOME_NEAR = 1.3  # standard deviations from home that never count as far: other hands, other pens
HOME_TASKS = 100  # from which home is measured, and each of its thresholds
INDISTINCT = 0.001  # difference of accuracies that counts as none: a tenth of a point
NEWTON_STEPS, NEWTON_CG_STEPS = (1, 2), 5
_EVEN = 1e3  # temperature at which no probability underflows, so that logits can be read off


@dataclass
class Answers:
    """What a recipe answered on episodes."""

    accuracies: list[float] = field(default_factory=list[float])
    seconds: list[float] = field(default_factory=list[float])
    residuals: list[float] = field(default_factory=list[float])
    logits: list[Array] = field(default_factory=list[Array])
    labels: list[np.ndarray[Any, np.dtype[np.int64]]] = field(default_factory=list[Any])
    distances: list[Array] = field(default_factory=list[Array])
    """Squared, of each query's features from the nearest class's mean."""

    @property
    def accuracy(self) -> float:
        """Mean over the episodes."""
        return fmean(self.accuracies)

    @property
    def ci95(self) -> float:
        """Half width of the 95 % confidence interval of the mean."""
        return ci95(self.accuracies)

    @property
    def temperature(self) -> float:
        """The temperature that calibrates them."""
        return fit_temperature(self._logits, np.concatenate(self.labels))

    def calibration_error(self, temperature: float) -> float:
        """The expected calibration error at a temperature."""
        return calibration_error(softmax(self._logits / temperature), np.concatenate(self.labels))

    @property
    def _logits(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.concatenate(self.logits).astype(np.float64)


def uncalibrated(
    graphs: Graphs,
    theta: Array,
    sizes: tuple[int, ...],
    model_input: Input,
    recipe: Recipe,
    ways: tuple[int, int],
) -> MetaModel:
    """A classifier of whose answers nothing is known yet."""
    nowhere = Home(np.zeros(1, np.float32), np.ones(1, np.float32))
    blank = Calibration((Setting(1, 1, 1.0, 0.0, 1.0, 0.0),), 1.0, nowhere)
    return MetaModel(theta, sizes, model_input, recipe, *ways, graphs, blank)


def answers(model: MetaModel, recipe: Recipe, sampler: Sampler, episodes: int) -> Answers:
    """Adapt to the support set of each episode and answer its queries. Raises Diverged."""
    found = Answers()
    for support, query, labels in tasks(sampler, episodes):
        adapted, solution = adapt(model, support, recipe, inputs=support.examples)
        probabilities, features = model.graphs.predict(adapted.phi, adapted.moments, query, _EVEN)
        found.accuracies.append(float((probabilities.argmax(1) == labels).mean()))
        found.seconds.append(solution.duration_ms / 1e3)
        found.residuals.append(solution.residual)
        found.logits.append(np.float32(_EVEN) * np.log(probabilities))
        found.labels.append(labels)
        found.distances.append(squared_distances(features, adapted.prototypes))
    return found


def tasks(sampler: Sampler, episodes: int) -> Iterator[tuple[Support, Array, Any]]:
    """The support set of each episode, its queries and their labels."""
    for episode in range(episodes):
        batch = sampler.batch(0, 1, episode)
        inputs, targets, query, _, labels = (part[0].cpu().numpy() for part in batch)
        classes = tuple(f"{k:04d}" for k in range(targets.shape[1]))
        yield Support(inputs, targets, classes, tuple(range(len(inputs)))), query, labels


def candidates(trainers: Recipe, curvature: bool) -> list[Recipe]:
    """Recipes that may come as far as the trainer's in less time; the trainer's is the first."""
    if trainers.max_steps == 0:
        return [trainers]
    fewer = sorted({max(1, trainers.max_steps // 2), max(1, trainers.max_steps // 4)}, reverse=True)
    solvers = [trainers.solver, *(("accelerated", "l_bfgs") if trainers.lam else ())]
    others = [replace(trainers, solver=solver, max_steps=steps) for solver in solvers for steps in fewer]
    if curvature and trainers.lam:
        newton = replace(trainers, solver="newton_cg", cg_steps=NEWTON_CG_STEPS)
        others += [replace(newton, max_steps=steps) for steps in NEWTON_STEPS]
    return list(dict.fromkeys([trainers, *others]))


def compare_recipes(
    model: MetaModel, recipes: Sequence[Recipe], samplers: Sequence[Sampler], episodes: int
) -> list[dict[str, Any]]:
    """Each recipe on the same episodes: how right, how calibrated, how long, how far it came.

    The first is the trainer's; `not_below` are those whose accuracy is not below its own in any setting, by
    more than episodes can tell. What diverges is left out.
    """
    table: list[dict[str, Any]] = []
    for recipe in recipes:
        try:
            measured = [answers(model, recipe, sampler, episodes) for sampler in samplers]
        except Diverged:
            if not table:
                return []  # there is nothing to compare with
            continue
        rows = [_row(sampler, found) for sampler, found in zip(samplers, measured, strict=True)]
        reference = table[0]["settings"] if table else rows
        not_below = all(
            row["accuracy"] >= own["accuracy"] - INDISTINCT for row, own in zip(rows, reference, strict=True)
        )
        table.append({"recipe": recipe, "not_below": not_below, "settings": rows})
    return table


def fastest(table: Sequence[dict[str, Any]]) -> Recipe:
    """The recipe that takes least time of those whose accuracy is not below the trainer's."""
    able = [row for row in table if row["not_below"]]
    return min(able, key=lambda row: sum(setting["milliseconds"] for setting in row["settings"]))["recipe"]


def _row(sampler: Sampler, found: Answers) -> dict[str, Any]:
    return {
        "ways": sampler.ways,
        "shots": sampler.shots,
        "episodes": len(found.accuracies),
        "accuracy": found.accuracy,
        "ci95": found.ci95,
        "calibration_error": found.calibration_error(found.temperature),
        "milliseconds": median(found.seconds) * 1e3,
        "residual": fmean(found.residuals),
    }


def calibrate(model: MetaModel, measured: Sequence[tuple[Sampler, Answers]]) -> dict[str, Any]:
    """What the answers of the model's recipe are worth, by ways and shots, as it is stored.

    The first are the smallest tasks, whose spread is the unit of the distance from home; any support set may
    lie a little more than one such unit away.
    """
    distance = float(np.median(np.concatenate([np.concatenate(found.distances) for _, found in measured])))
    place = home_of(_signatures(model, measured[0][0]))
    settings: list[dict[str, Any]] = []
    for sampler, found in measured:
        similarities = np.exp2(-np.concatenate(found.distances) / distance)
        away = [place.distance(one) for one in _signatures(model, sampler)]
        temperature = found.temperature
        settings.append(
            {
                "ways": sampler.ways,
                "shots": sampler.shots,
                "temperature": temperature,
                "unknown_threshold": float(np.quantile(similarities, KNOWN_LOST)),
                "spread": float(np.mean(np.concatenate(found.distances)) / distance),
                "home_threshold": max(HOME_NEAR, float(np.quantile(away, 1 - HOME_LOST))),
                "calibration_error_before": found.calibration_error(1.0),
                "calibration_error": found.calibration_error(temperature),
            }
        )
    described = {"mean": _short(place.mean), "scale": _short(place.scale)}
    return {"settings": settings, "distance": distance, "home": described}


def _signatures(model: MetaModel, sampler: Sampler) -> list[Array]:
    return [
        signature(model.graphs.centre(model.theta, support.examples, support.targets), support.targets)
        for support, _, _ in tasks(sampler, HOME_TASKS)
    ]


def _short(numbers: Array) -> list[float]:
    """Four digits of each, as they are stored."""
    return [float(f"{number:.4g}") for number in numbers]
