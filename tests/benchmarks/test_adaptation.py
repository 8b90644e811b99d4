"""Both sides of the comparison adapt to the same φ and give the same answers."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from benchmarks.adaptation import difference, drawings, peers
from benchmarks.peers import eager
from imaml.export.bundle import export
from imaml.nets.predictor import Predictor
from imaml.runtime.adaptation import adapt
from imaml.runtime.graphs import Graphs
from imaml.runtime.inputs import Drawings
from imaml.runtime.model import MetaModel
from imaml.runtime.recipe import Recipe
from imaml.training import serving
from imaml.training.learner import Architecture

RECIPE = Recipe("gradient_descent", max_steps=3, inner_lr=0.1, lam=0.5)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Architecture(filters=8, head="prototype", ways=3).predictor()


@pytest.fixture(scope="module")
def theta(predictor: Predictor) -> torch.Tensor:
    return predictor.initialise(torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model(predictor: Predictor, theta: torch.Tensor) -> MetaModel:
    graphs = Graphs.load(export(predictor, theta).graphs, threads=1)
    sizes = tuple(part.numel() for part in predictor.layout.unpack(theta).values())
    return serving.uncalibrated(graphs, theta.numpy(), sizes, Drawings(), RECIPE, (2, 5))


def test_solutions_are_the_same(predictor: Predictor, theta: torch.Tensor, model: MetaModel) -> None:
    assert difference(predictor, model, peers(predictor, theta), drawings(3, 2), RECIPE) < 1e-4


def test_answers_are_the_same(predictor: Predictor, theta: torch.Tensor, model: MetaModel) -> None:
    support = drawings(3, 2)
    inputs = model.input.to_input(support.examples)
    adapted, _ = adapt(model, support, RECIPE)
    ours, _ = model.graphs.predict(adapted.phi, adapted.moments, inputs, temperature=1.0)
    images, labels = torch.from_numpy(inputs), torch.from_numpy(support.labels)
    peers_adapted = eager.adapt(peers(predictor, theta), images, labels, eager.Descent(3, 0.1, 0.5))
    assert_close(eager.predict(peers_adapted, images).numpy(), ours, atol=1e-4, rtol=1e-3)
    one_by_one = np.concatenate([eager.predict(peers_adapted, images[i : i + 1]).numpy() for i in range(6)])
    assert_close(one_by_one, ours, atol=1e-4, rtol=1e-3)
