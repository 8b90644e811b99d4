"""Adapting with the exported graphs, against eager PyTorch autograd with native batch normalisation."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from benchmarks.timing import Row, compare
from imaml.export.bundle import export
from imaml.runtime.adaptation import Support, adapt, to_input
from imaml.runtime.graphs import Graphs
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.training.learner import Architecture

RECIPE = Recipe("gradient_descent", max_steps=5, inner_lr=0.1, lam=0.5)
SETTINGS = ((5, 1), (5, 5), (20, 1), (20, 5))


def rows(threads: int) -> Iterator[Row]:
    """One row for each number of ways and shots: support set to φ, five steps, Conv4-64."""
    torch.set_num_threads(threads)
    predictor = Architecture(filters=64, head="prototype", ways=5).predictor()
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    bundle = export(predictor, theta, {})
    model = MetaModel(
        theta=theta.numpy(),
        recipe=RECIPE,
        min_ways=2,
        max_ways=20,
        thresholds=((5, 1, 0.5),),
        graphs=Graphs.load(bundle.graphs, threads),
    )
    for ways, shots in SETTINGS:
        drawings = np.random.default_rng(0).integers(0, 256, (ways * shots, 28, 28), np.uint8)
        support = Support.of(drawings, [f"{k:02d}" for k in range(ways) for _ in range(shots)])
        yield compare(
            f"adapt {ways}-way {shots}-shot, {threads} thread{'s' * (threads > 1)}",
            lambda support=support: adapt(model, support, RECIPE),
            lambda support=support: _eager(theta, support),
        )


def _eager(theta: Tensor, support: Support) -> Tensor:
    """The same adaptation as one would write it in PyTorch."""
    images = torch.from_numpy(to_input(support.images))
    labels = torch.from_numpy(support.labels)
    network = Architecture(filters=64, head="prototype", ways=5).predictor().network
    layout = network.layout
    weights = list(layout.unpack(theta[: layout.size]).values())

    def features(weights: list[Tensor]) -> Tensor:
        x = images
        for block in range(4):
            weight, scale, shift = weights[3 * block : 3 * block + 3]
            x = F.conv2d(x, weight, stride=2, padding=1)
            x = F.batch_norm(x, None, None, scale, shift, training=True).relu()
        return x.flatten(1)

    with torch.no_grad():
        ways = len(support.classes)
        prototypes = features(weights).reshape(ways, -1, network.features).mean(1)
        scale = theta[-1].exp()
        centre = [*weights, 2 * scale * prototypes, -scale * (prototypes * prototypes).sum(1)]
    phi = [part.clone().requires_grad_() for part in centre]
    for _ in range(RECIPE.max_steps):
        logits = F.linear(features(phi[:-2]), phi[-2], phi[-1])
        gradients = torch.autograd.grad(F.cross_entropy(logits, labels), phi)
        with torch.no_grad():
            phi = [
                (p - RECIPE.inner_lr * (g + RECIPE.lam * (p - c))).requires_grad_()
                for p, g, c in zip(phi, gradients, centre, strict=True)
            ]
    return torch.cat([part.detach().flatten() for part in phi])
