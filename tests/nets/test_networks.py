"""What holds for every network: order, weights, batch-mates, replayed moments, tasks side by side."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, jvp, vmap

from imaml.nets.heads import PrototypeHead
from imaml.nets.predictor import Predictor
from tests.nets.networks import NETWORKS, SHOTS, WAYS, Case, case


@pytest.fixture(params=NETWORKS)
def tiny(request: pytest.FixtureRequest) -> Case:
    return case(request.param)


def answer(tiny: Case, support: Tensor, targets: Tensor, queries: Tensor) -> Tensor:
    """Logits at the centre of a prototype head."""
    predictor = Predictor(tiny.network, PrototypeHead(tiny.network.features))
    theta = torch.cat([tiny.parameters, torch.zeros(1, dtype=torch.float64)])
    phi = predictor.centre(theta, support, targets)
    _, moments = predictor.support_outputs(phi, support, targets)
    return predictor.query_outputs(phi, queries, moments)


def test_features_and_moments_are_vectors(tiny: Case) -> None:
    features, moments = tiny.support_features()
    assert features.shape == (WAYS * SHOTS, tiny.network.features)
    assert moments.dim() == 1
    assert features.isfinite().all()


def test_relabelling_the_classes_relabels_the_answer(tiny: Case) -> None:
    order = torch.tensor([2, 0, 3, 1])
    renamed = answer(tiny, tiny.support, tiny.targets[:, order], tiny.queries)
    same = answer(tiny, tiny.support, tiny.targets, tiny.queries)[:, order]
    assert torch.allclose(renamed, same, atol=1e-11)


def test_the_order_of_examples_does_not_matter(tiny: Case) -> None:
    order = torch.randperm(WAYS * SHOTS, generator=torch.Generator().manual_seed(3))
    shuffled = answer(tiny, tiny.support[order], tiny.targets[order], tiny.queries)
    assert torch.allclose(shuffled, answer(tiny, tiny.support, tiny.targets, tiny.queries), atol=1e-11)


def test_an_answer_does_not_depend_on_the_other_queries(tiny: Case) -> None:
    together = answer(tiny, tiny.support, tiny.targets, tiny.queries)
    alone = torch.cat([answer(tiny, tiny.support, tiny.targets, query[None]) for query in tiny.queries])
    assert torch.allclose(together, alone, atol=1e-11)


def test_an_example_of_weight_zero_is_as_if_it_were_not_there(tiny: Case) -> None:
    padded = torch.cat([tiny.support, 2 * tiny.queries[:1]])
    padding = torch.cat([tiny.targets, torch.zeros(1, WAYS, dtype=torch.float64)])
    expected = answer(tiny, tiny.support, tiny.targets, tiny.queries)
    assert torch.allclose(answer(tiny, padded, padding, tiny.queries), expected, atol=1e-11)


def test_two_examples_of_half_the_weight_are_one(tiny: Case) -> None:
    doubled = torch.cat([tiny.support, tiny.support[:SHOTS]])
    halved = torch.cat([tiny.targets, tiny.targets[:SHOTS]])
    halved[:SHOTS] /= 2
    halved[-SHOTS:] /= 2
    expected = answer(tiny, tiny.support, tiny.targets, tiny.queries)
    assert torch.allclose(answer(tiny, doubled, halved, tiny.queries), expected, atol=1e-11)


def test_a_support_set_replayed_as_queries_has_the_same_features(tiny: Case) -> None:
    features, moments = tiny.support_features()
    replayed = tiny.network.query_features(tiny.parameters, tiny.network.prepare(tiny.support), moments)
    assert torch.allclose(features, replayed, atol=1e-12)


# torch itself scripts its forward-mode formulas when they are first used.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_tasks_side_by_side_have_the_derivatives_of_each_alone(tiny: Case) -> None:
    """Gradient and both orders of the Hessian product, under vmap with other parameters for each task."""
    generator = torch.Generator().manual_seed(4)
    points = tiny.parameters + 0.1 * torch.randn(
        2, len(tiny.parameters), dtype=torch.float64, generator=generator
    )
    directions = torch.randn(points.shape, dtype=torch.float64, generator=generator)
    images = torch.stack([tiny.support, tiny.support.flip(0)])

    def loss(parameters: Tensor, support: Tensor) -> Tensor:
        seen = tiny.network.prepare(support)
        features, moments = tiny.network.support_features(parameters, seen, tiny.targets.sum(1))
        return features.square().mean() + moments.sum() + features.tanh()[0, 0]

    def forward_over_reverse(parameters: Tensor, support: Tensor, direction: Tensor) -> Tensor:
        return jvp(lambda p: grad(loss)(p, support), (parameters,), (direction,))[1]

    def reverse_over_reverse(parameters: Tensor, support: Tensor, direction: Tensor) -> Tensor:
        return grad(lambda p: grad(loss)(p, support) @ direction)(parameters)

    def alone(function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
        return torch.stack([function(*task) for task in zip(*arguments, strict=True)])

    assert torch.allclose(vmap(grad(loss))(points, images), alone(grad(loss), points, images), atol=1e-9)
    arguments = (points, images, directions)
    expected = alone(reverse_over_reverse, *arguments)
    assert torch.allclose(vmap(reverse_over_reverse)(*arguments), expected, atol=1e-9)
    assert torch.allclose(vmap(forward_over_reverse)(*arguments), expected, atol=1e-9)
