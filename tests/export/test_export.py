"""The exported graphs compute what torch computes, for every number of examples and ways, or are refused."""

from typing import Any

import numpy as np
import pytest
import torch

from imaml.export.bundle import ParityError, export
from imaml.export.decompositions import convolution_backward
from imaml.export.graphs import functions
from imaml.nets.conv4 import Conv4
from imaml.nets.heads import PlainHead
from imaml.nets.predictor import Predictor
from imaml.runtime.graphs import Graphs
from imaml.store import Bundle
from imaml.training.learner import from_bundle


@pytest.mark.parametrize(("ways", "examples"), [(5, 5), (2, 7), (5, 20), (2, 2), (20, 20), (3, 1 + 3)])
def test_every_graph_equals_torch_at_sizes_it_was_not_traced_with(
    model_bundle: Bundle, ways: int, examples: int
) -> None:
    predictor, theta, _ = from_bundle(model_bundle)
    graphs = Graphs.load(model_bundle.graphs, threads=1)
    exported = functions(predictor, theta, ways, examples)
    for name in model_bundle.graphs:
        function, call = exported[name], getattr(graphs, name)
        expected = function.call(*function.inputs.values())
        inputs = {key: value.detach().numpy() for key, value in function.inputs.items()}
        ours: Any = call(**inputs)
        pairs = zip(ours, expected, strict=True) if isinstance(ours, tuple) else [(ours, expected)]
        for actual, torchs in pairs:
            np.testing.assert_allclose(actual, torchs.detach().numpy(), atol=2e-5, rtol=1e-5)


def test_a_bundle_gives_back_the_classifier_and_theta_it_was_made_of(model_bundle: Bundle) -> None:
    predictor, theta, recipe = from_bundle(model_bundle)
    assert torch.equal(theta, predictor.initialise(torch.Generator().manual_seed(0)))
    assert recipe.max_steps == model_bundle.description["recipe"]["max_steps"]
    assert model_bundle.description["parity"] < 1e-5


def test_a_graph_that_differs_from_torch_is_refused(
    model_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graphs were traced with one ε of the normalisation; torch now computes with another."""
    predictor, theta, _ = from_bundle(model_bundle)
    monkeypatch.setattr("imaml.nets.normalisation.EPSILON", 0.5)
    with pytest.raises(ParityError, match=r"differ from torch by .*nothing was stored"):
        export(predictor, theta, {})


@pytest.mark.parametrize("damage", [np.nan, np.inf])
def test_what_is_not_finite_is_no_parity(
    model_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, damage: float
) -> None:
    predictor, theta, _ = from_bundle(model_bundle)
    predict = Graphs.predict
    monkeypatch.setattr(Graphs, "predict", lambda *arguments, **named: damage * predict(*arguments, **named))
    with pytest.raises(ParityError):
        export(predictor, theta, {})


def test_the_plain_head_is_exported_with_its_one_number_of_ways() -> None:
    network = Conv4(filters=2)
    predictor = Predictor(network, PlainHead(network.features, ways=3))
    bundle = export(predictor, predictor.initialise(torch.Generator().manual_seed(0)), {})
    assert bundle.description["parity"] < 1e-5
    assert bundle.parameters["head"].shape == (3 * (network.features + 1),)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("size", [28, 14, 7, 5, 4])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(2, 1, 1), (1, 1, 1), (2, 0, 1), (1, 2, 2)])
def test_a_convolutions_backward_is_autograds(
    size: int, stride: int, padding: int, dilation: int, transposed: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = (2, 4, 3, 3) if transposed else (4, 2, 3, 3)
    weight = torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True)
    inputs = torch.randn(3, 2, size, size, dtype=torch.float64, generator=generator, requires_grad=True)
    arguments = ([stride] * 2, [padding] * 2, [dilation] * 2, transposed, [0, 0], 1)
    output = torch.convolution(inputs, weight, None, *arguments)
    gradient = torch.randn(output.shape, dtype=torch.float64, generator=generator)
    expected = torch.autograd.grad(output, (inputs, weight), gradient)
    ours = convolution_backward(gradient, inputs, weight, None, *arguments, [True, True, False])
    for actual, autograds in zip(ours[:2], expected, strict=True):
        assert actual is not None
        assert torch.allclose(actual, autograds, atol=1e-12)
