"""Adapting with the exported graphs, against eager PyTorch autograd with native batch normalisation.

Once by the same recipe, and once by the model's own against the one that θ was trained with: the time to the
same quality.
"""

from functools import partial

import torch
from torch import Tensor

from benchmarks import starter
from benchmarks.peers import eager
from benchmarks.peers.conversion import network_weights, unpack
from benchmarks.report import Record, Report
from benchmarks.setting import Setting, cpu_threads
from benchmarks.timing import in_turn, paired_with_tails, timed
from imaml.nets.predictor import Predictor
from imaml.runtime.adaptation import adapt
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.store import Bundle
from imaml.tasks import glyphs
from imaml.training.learner import from_bundle

THREADS = (1, 2)
SETTINGS = ((5, 1), (5, 5), (20, 1), (20, 5))
REST_SECONDS = 0.02
TURNS = 20
"""Of each round, so that there is a 99th percentile."""


def run(setting: Setting) -> Report:
    """Two rows for each number of threads, of ways and of shots: from a support set to φ."""
    bundle = starter.bundle()
    predictor, theta, own = from_bundle(bundle)
    trainers = starter.trainers_recipe(bundle)
    peers_theta = peers(predictor, theta)
    rows: list[Record] = []
    for threads in THREADS:
        model = starter.load(bundle, threads)
        for ways, shots in SETTINGS:
            name = f"{ways}-way {shots}-shot, {threads} thread{'s' * (threads > 1)}"
            setting.say(f"adaptation: {name}")
            support = drawings(ways, shots)
            sides = {
                "ours": partial(adapt, model, support, trainers),
                "own recipe": partial(adapt, model, support, own),
                "baseline": partial(adapt_eagerly, model, peers_theta, support, trainers),
            }
            with cpu_threads(threads):
                off = difference(predictor, model, peers_theta, support, trainers)
                timed_sides = {side: timed(work, setting.device) for side, work in sides.items()}
                seconds = in_turn(timed_sides, TURNS * setting.rounds, REST_SECONDS)
            same_steps = paired_with_tails(name, seconds["ours"], seconds["baseline"])
            rows.append({**same_steps, "difference": off})
            own_recipe = paired_with_tails(f"{name}, own recipe", seconds["own recipe"], seconds["baseline"])
            rows.append({**own_recipe, **accuracies(bundle, ways, shots)})
    notes = [
        f"The starter model (Conv4-64, prototype head), from decoded examples to φ; {TURNS * setting.rounds} "
        "turns of all sides.",
        "ours: as the service adapts, in ONNX Runtime, with the residual at φ; baseline: PyTorch autograd, "
        "eager, with native convolutions and batch normalisation. Both give φ and the moments to predict by.",
        f"Both sides take {_in_words(trainers)}; difference is ‖theirs − ours‖ / ‖ours‖ of φ. own recipe: "
        f"ours takes {_in_words(own)}, the model's own, chosen on validation classes as the fastest of those "
        "that were no less accurate; the accuracies were stored with the model then.",
    ]
    return Report("Adapting to a support set", rows, notes)


def peers(predictor: Predictor, theta: Tensor) -> list[Tensor]:
    """θ of a prototype head as `eager` takes it."""
    return [*network_weights(predictor, theta), theta[-1]]


def drawings(ways: int, shots: int) -> Support:
    """Generated characters to adapt to."""
    dataset = glyphs.generate(ways, shots)
    return Support.of(dataset.examples, [f"{k:02d}" for k in range(ways) for _ in range(shots)])


def adapt_eagerly(model: MetaModel, theta: list[Tensor], support: Support, recipe: Recipe) -> eager.Adapted:
    """φ by gradient descent in PyTorch, and its moments."""
    images = torch.from_numpy(model.input.to_input(support.examples))
    descent = eager.Descent(recipe.max_steps, recipe.inner_lr, recipe.lam)
    return eager.adapt(theta, images, torch.from_numpy(support.labels), descent)


def difference(
    predictor: Predictor, model: MetaModel, theta: list[Tensor], support: Support, recipe: Recipe
) -> float:
    """‖theirs − ours‖ / ‖ours‖ of φ."""
    theirs = adapt_eagerly(model, theta, support, recipe).phi
    ours = unpack(predictor, torch.from_numpy(adapt(model, support, recipe)[0].phi))
    one, other = (torch.cat([part.flatten() for part in parts]) for parts in (ours, theirs))
    return ((other - one).norm() / one.norm()).item()


def accuracies(bundle: Bundle, ways: int, shots: int) -> dict[str, float]:
    """On validation classes, from when the recipe was chosen; nothing for other sizes of tasks."""
    description = bundle.description
    measured = {
        Recipe(**row["recipe"]): found
        for row in description["recipes"]
        for found in row["settings"]
        if (found["ways"], found["shots"]) == (ways, shots)
    }
    if not measured:
        return {}
    ours, baseline = measured[Recipe(**description["recipe"])], measured[starter.trainers_recipe(bundle)]
    return {
        "ours accuracy": ours["accuracy"],
        "baseline accuracy": baseline["accuracy"],
        "± at most": max(ours["ci95"], baseline["ci95"]),
    }


def _in_words(recipe: Recipe) -> str:
    return f"{recipe.max_steps} step{'s' * (recipe.max_steps != 1)} of {recipe.solver}"
