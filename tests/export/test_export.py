"""The exported graphs compute what torch computes, for every number of examples and ways, or are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor
from torch.func import grad_and_value

from imaml.export.bundle import ParityError, export
from imaml.export.decompositions import matrix_vector, power, threshold_backward
from imaml.export.graphs import Function, functions
from imaml.nets.heads import PlainHead
from imaml.nets.mlp import MLP
from imaml.nets.predictor import Predictor
from imaml.runtime.graphs import Graphs
from imaml.store import Bundle
from imaml.training.learner import from_bundle


def arguments(function: Function) -> dict[str, Any]:
    """The example inputs of a function as its graph takes them."""
    inputs: dict[str, Any] = {key: value.detach().numpy() for key, value in function.inputs.items()}
    return {key: value.item() if key == "temperature" else value for key, value in inputs.items()}


@pytest.mark.parametrize(("ways", "examples"), [(5, 5), (2, 7), (5, 20), (2, 2), (20, 20), (3, 1 + 3)])
def test_every_graph_equals_torch_at_sizes_it_was_not_traced_with(
    model_bundle: Bundle, ways: int, examples: int
) -> None:
    predictor, theta, _ = from_bundle(model_bundle)
    graphs = Graphs.load(model_bundle.graphs, threads=1)
    exported = functions(predictor, theta, ways, examples)
    for name in model_bundle.graphs:
        function, call = exported[name], getattr(graphs, name)
        expected = function.call(*(value.double() for value in function.inputs.values()))
        ours: Any = call(**arguments(function))
        pairs = zip(ours, expected, strict=True) if isinstance(ours, tuple) else [(ours, expected)]
        for actual, torchs in pairs:
            np.testing.assert_allclose(actual, torchs.detach().numpy(), atol=2e-5, rtol=1e-5)


def test_steps_are_products_of_matrices_and_nothing_that_is_slow(model_bundle: Bundle) -> None:
    """Of a Conv4, as the starter model is: convolutions, powers and scattered writes would cost the most."""
    slow = {"Conv", "ConvTranspose", "Pow", "Where", "ScatterND", "ScatterElements"}
    graph = onnx.load_from_string(model_bundle.graphs["value_and_gradient"]).graph
    assert not slow & {node.op_type for node in graph.node}
    for data in model_bundle.graphs.values():
        nodes = onnx.load_from_string(data).graph.node
        assert not {"Conv", "ConvTranspose", "Pow"} & {node.op_type for node in nodes}


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
        export(predictor, theta)


@pytest.mark.parametrize("damage", [np.nan, np.inf])
def test_what_is_not_finite_is_no_parity(
    model_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, damage: float
) -> None:
    predictor, theta, _ = from_bundle(model_bundle)
    run = Graphs.run

    def damaged(graphs: Graphs, name: str, **inputs: Any) -> list[Any]:
        outputs = run(graphs, name, **inputs)
        return [damage * outputs[0], *outputs[1:]] if name == "predict" else outputs

    monkeypatch.setattr(Graphs, "run", damaged)
    with pytest.raises(ParityError):
        export(predictor, theta)


def test_the_plain_head_is_exported_with_its_one_number_of_ways() -> None:
    network = MLP(4, (8,))
    predictor = Predictor(network, PlainHead(network.features, ways=3))
    bundle = export(predictor, predictor.initialise(torch.Generator().manual_seed(0)))
    assert bundle.description["parity"] < 1e-5
    assert bundle.parameters["head"].shape == (3 * (network.features + 1),)


def check_same(ours: Callable[..., Any], librarys: Callable[..., Any], *inputs: Tensor) -> None:
    for actual, expected in zip(
        grad_and_value(ours)(*inputs), grad_and_value(librarys)(*inputs), strict=True
    ):
        assert torch.allclose(actual, expected, atol=1e-12)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_derivative_of_a_relu_is_the_librarys_at_0_too() -> None:
    inputs, gradient = random(50), random(50, seed=1)
    inputs[:5] = torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e30])
    expected = torch.ops.aten.threshold_backward(gradient, inputs.relu(), 0)
    # So small a result counts by its size: what is lost is far below rounding.
    assert torch.allclose(threshold_backward(gradient, inputs.relu(), 0), expected, atol=1e-12)


@pytest.mark.parametrize("exponent", [2, 3])
def test_whole_powers_are_products(exponent: int) -> None:
    check_same(lambda x: power(x, exponent).sum(), lambda x: x.pow(exponent).sum(), random(20))


@pytest.mark.parametrize("exponent", [-1, 0.5, 4])
def test_other_powers_are_left_as_they_are(exponent: float) -> None:
    assert power(torch.ones(1), exponent) is NotImplemented


def test_a_matrix_times_a_vector_is_what_it_is() -> None:
    matrix, vector = random(4, 3), random(3)
    assert torch.allclose(matrix_vector(matrix, vector), matrix.mv(vector), atol=1e-14)
