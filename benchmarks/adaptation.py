"""Adapting with the exported graphs, against eager PyTorch autograd with native batch normalisation."""

from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from benchmarks.peers.network import support_features, support_logits
from benchmarks.report import Record, Report
from benchmarks.setting import Setting, cpu_threads
from benchmarks.timing import compare
from imaml.export.bundle import export
from imaml.nets.predictor import Predictor
from imaml.runtime.adaptation import adapt
from imaml.runtime.graphs import Graphs
from imaml.runtime.inputs import Drawings
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.training.learner import Architecture

RECIPE = Recipe("gradient_descent", max_steps=5, inner_lr=0.1, lam=0.5)
SETTINGS = ((5, 1), (5, 5), (20, 1), (20, 5))
FILTERS = 64


def run(setting: Setting) -> Report:
    """One row for each number of threads, of ways and of shots: from a support set to φ."""
    predictor = Architecture(filters=FILTERS, head="prototype", ways=5).predictor()
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    setting.say("adaptation: exporting the graphs")
    graphs = export(predictor, theta, {}).graphs
    sizes = tuple(parameters.numel() for parameters in predictor.layout.unpack(theta).values())
    rows: list[Record] = []
    for threads in (1, 2):
        loaded = Graphs.load(graphs, threads)
        model = MetaModel(theta.numpy(), sizes, Drawings(), RECIPE, 2, 20, ((5, 1, 0.5),), loaded)
        for ways, shots in SETTINGS:
            name = f"{ways}-way {shots}-shot, {threads} thread{'s' * (threads > 1)}"
            setting.say(f"adaptation: {name}")
            drawings = np.random.default_rng(0).integers(0, 256, (ways * shots, 1, 28, 28), np.uint8)
            support = Support.of(drawings, [f"{k:02d}" for k in range(ways) for _ in range(shots)])
            ours = partial(adapt, model, support, RECIPE)
            eager = partial(_eager, predictor, theta, support)
            with cpu_threads(threads):
                rows.append(compare(name, ours, eager, setting.device, 5 * setting.rounds))
    notes = [
        f"Conv4-{FILTERS}, prototype head, {RECIPE.max_steps} steps; from decoded examples to φ; "
        f"{5 * setting.rounds} rounds.",
        "ours: as the service adapts, in ONNX Runtime; baseline: PyTorch autograd, eager.",
    ]
    return Report("Adapting to a support set", rows, notes)


def _eager(predictor: Predictor, theta: Tensor, support: Support) -> Tensor:
    """The same adaptation as one would write it in PyTorch."""
    images = torch.from_numpy(Drawings().to_input(support.examples))
    labels = torch.from_numpy(support.labels)
    *weights, log_scale = predictor.layout.unpack(theta).values()
    with torch.no_grad():
        features = support_features(weights, images)
        prototypes = features.reshape(len(support.classes), -1, features.shape[1]).mean(1)
        scale = log_scale.exp()
        centre = [*weights, 2 * scale * prototypes, -scale * (prototypes * prototypes).sum(1)]
    phi = [part.clone().requires_grad_() for part in centre]
    for _ in range(RECIPE.max_steps):
        loss = F.cross_entropy(support_logits(phi, images), labels)
        gradients = torch.autograd.grad(loss, phi)
        with torch.no_grad():
            phi = [
                (p - RECIPE.inner_lr * (g + RECIPE.lam * (p - c))).requires_grad_()
                for p, g, c in zip(phi, gradients, centre, strict=True)
            ]
    return torch.cat([part.detach().flatten() for part in phi])
