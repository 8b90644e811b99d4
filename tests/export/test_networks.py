"""Networks, heads and losses are exported, the curvature too, and equal torch at any size.

ResNet-12 is exported, and compared, in tests/test_every_model.py.
"""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from imaml.export.bundle import TOLERANCE, export
from imaml.export.graphs import functions
from imaml.nets.conv4 import Conv4
from imaml.nets.heads import MaskedHead, PlainHead, PrototypeHead
from imaml.nets.losses import SquaredError
from imaml.nets.mlp import MLP
from imaml.nets.predictor import Predictor
from imaml.runtime.graphs import Graphs
from imaml.store import Bundle
from tests.export.test_export import arguments

CONV4 = Conv4(filters=8)
POOLED = Conv4(channels=3, filters=8, size=16, pool=True)
PREDICTORS = {
    "conv4, prototypes": Predictor(CONV4, PrototypeHead(CONV4.features)),
    "mlp, masked head": Predictor(MLP(4, (8, 8)), MaskedHead(8, slots=3)),
    "pooled conv4, prototypes": Predictor(POOLED, PrototypeHead(POOLED.features)),
    "mlp, prototypes": Predictor(MLP(4, (8, 8)), PrototypeHead(8)),
    "mlp, regression": Predictor(MLP(1, (8, 8)), PlainHead(8, ways=1), SquaredError()),
}
"""The models of other tests are of these too: graphs are made once for all."""
CURVED = ("conv4, prototypes", "mlp, regression")
"""Of which the curvature is exported too; it takes longer than all the rest."""


class Exported(NamedTuple):
    """A predictor with what became of it."""

    predictor: Predictor
    theta: Tensor
    bundle: Bundle
    graphs: Graphs


_exported: dict[str, Exported] = {}


def exported(name: str) -> Exported:
    """Each is exported once."""
    if name not in _exported:
        predictor = PREDICTORS[name]
        theta = predictor.initialise(torch.Generator().manual_seed(0))
        bundle = export(predictor, theta, ("curvature_product",) if name in CURVED else ())
        _exported[name] = Exported(predictor, theta, bundle, Graphs.load(bundle.graphs, threads=1))
    return _exported[name]


@pytest.mark.parametrize("name", PREDICTORS)
def test_an_export_is_at_parity_with_torch(name: str) -> None:
    """Which `export` itself measures, at several sizes."""
    _, _, bundle, graphs = exported(name)
    assert bundle.description["parity"] <= TOLERANCE
    assert graphs.has_curvature == (name in CURVED)


@pytest.mark.parametrize(("ways", "examples"), [(5, 11), (2, 3), (7, 7)])
@pytest.mark.parametrize("name", CURVED)
def test_the_curvature_product_is_torchs_hessian_at_sizes_it_was_not_traced_with(
    name: str, ways: int, examples: int
) -> None:
    predictor, theta, _, graphs = exported(name)
    function = functions(predictor, theta, ways, examples)["curvature_product"]
    phi, seen, targets, p = (value.detach().double() for value in function.inputs.values())

    def loss(phi: Tensor) -> Tensor:
        return predictor.loss.value(predictor.prepared_outputs(phi, seen, targets)[0], targets)

    _, expected = torch.autograd.functional.hvp(loss, phi, p)
    product = graphs.curvature_product(**arguments(function))
    np.testing.assert_allclose(product, expected.numpy(), atol=5e-5)
    assert np.abs(product).max() > 1e-3


def test_moments_stay_an_input_of_networks_that_have_none() -> None:
    """So that a service calls every model alike."""
    predictor, theta, _, graphs = exported("mlp, prototypes")
    function = functions(predictor, theta, 3, 4)["predict"]
    assert function.inputs["moments"].shape == (0,)
    probabilities, _ = graphs.predict(**arguments(function))
    np.testing.assert_allclose(probabilities.sum(1), np.ones(4), atol=1e-6)


def test_a_regressor_predicts_numbers() -> None:
    predictor, theta, _, graphs = exported("mlp, regression")
    function = functions(predictor, theta, 1, 6)["predict"]
    phi, moments, vectors, _ = function.inputs.values()
    values, _ = graphs.predict(**arguments(function))
    expected = predictor.query_outputs(phi, vectors, moments)
    np.testing.assert_allclose(values, expected.detach().numpy(), atol=1e-6)
    assert values.shape == (6, 1)
