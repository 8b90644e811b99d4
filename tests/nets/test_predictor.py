"""The predictor: its heads' centres, how classes weigh in its loss, how θ is laid out."""

import pytest
import torch
from torch import Tensor

from imaml.nets.conv4 import Conv4
from imaml.nets.heads import MaskedHead, PlainHead, PrototypeHead
from imaml.nets.losses import CrossEntropy, SquaredError
from imaml.nets.predictor import Predictor

WAYS, SHOTS = 4, 2


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    network = Conv4(filters=4)
    return Predictor(network, PrototypeHead(network.features))


@pytest.fixture(scope="module")
def theta(predictor: Predictor) -> Tensor:
    return predictor.initialise(torch.Generator().manual_seed(0)).double()


@pytest.fixture(scope="module")
def support() -> tuple[Tensor, Tensor]:
    images = torch.rand(
        WAYS * SHOTS, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    targets = torch.eye(WAYS, dtype=torch.float64).repeat_interleave(SHOTS, 0) / (WAYS * SHOTS)
    return images, targets


@pytest.fixture(scope="module")
def queries() -> Tensor:
    return torch.rand(6, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def answer(predictor: Predictor, theta: Tensor, images: Tensor, targets: Tensor, queries: Tensor) -> Tensor:
    phi = predictor.centre(theta, images, targets)
    _, moments = predictor.support_outputs(phi, images, targets)
    return predictor.query_outputs(phi, queries, moments)


def test_at_the_centre_the_softmax_is_that_of_the_nearest_prototype(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor], queries: Tensor
) -> None:
    images, targets = support
    network = theta[: predictor.network.layout.size]
    prepare = predictor.network.prepare
    features, moments = predictor.network.support_features(network, prepare(images), targets.sum(1))
    prototypes = features.reshape(WAYS, SHOTS, -1).mean(1)
    answered = predictor.network.query_features(network, prepare(queries), moments)
    distances = torch.cdist(answered, prototypes) ** 2
    expected = (-theta[-1].exp() * distances).softmax(1)
    assert torch.allclose(answer(predictor, theta, images, targets, queries).softmax(1), expected, atol=1e-12)


def test_every_class_weighs_the_same_whatever_its_number_of_examples(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor]
) -> None:
    """Doubling the examples of a class, at half the weight each, changes neither the centre nor the loss."""
    images, targets = support
    doubled = torch.cat([images, images[:SHOTS]])
    halved = torch.cat([targets, targets[:SHOTS]])
    halved[:SHOTS] /= 2
    halved[-SHOTS:] /= 2
    phi = predictor.centre(theta, images, targets)
    assert torch.allclose(predictor.centre(theta, doubled, halved), phi, atol=1e-12)
    loss = predictor.loss.value(predictor.support_outputs(phi, images, targets)[0], targets)
    assert torch.allclose(
        predictor.loss.value(predictor.support_outputs(phi, doubled, halved)[0], halved), loss
    )


def test_a_prototype_is_its_classs_weighted_mean_whatever_the_class_weighs(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor]
) -> None:
    images, targets = support
    features = images.flatten(1)[:, : predictor.network.features]
    lighter = targets.clone()
    lighter[:SHOTS] *= 0.1
    rows, same = (predictor.head.centre(theta[-1:], features, t) for t in (targets, lighter))
    assert torch.allclose(rows, same, atol=1e-12)


def test_the_loss_is_the_mean_cross_entropy() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    targets = torch.nn.functional.one_hot(labels, 3) / 6
    assert torch.allclose(
        CrossEntropy().value(logits, targets), torch.nn.functional.cross_entropy(logits, labels)
    )


def test_a_temperature_evens_probabilities_out_and_leaves_numbers_as_they_are() -> None:
    logits = torch.tensor([[3.0, 1.0, 0.0]])
    once, hot = (CrossEntropy().answer(logits, torch.tensor([t])) for t in (1.0, 2.0))
    assert torch.allclose(once, logits.softmax(1))
    assert torch.allclose(hot.log().diff(), once.log().diff() / 2)
    assert torch.equal(SquaredError().answer(logits, torch.tensor([2.0])), logits)


def test_what_the_network_has_prepared_gives_the_same_centre_features_and_outputs(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor], queries: Tensor
) -> None:
    images, targets = support
    seen = predictor.network.prepare(images)
    centre, features, moments = predictor.prepared_centre(theta, seen, targets)
    assert torch.equal(centre, predictor.centre(theta, images, targets))
    # At the centre the network is that of θ, so its features and moments are too.
    outputs, same, again = predictor.prepared_outputs(centre, seen, targets)
    assert torch.equal(same, features)
    assert torch.equal(again, moments)
    assert torch.equal(outputs, predictor.support_outputs(centre, images, targets)[0])
    answers, described = predictor.query_answers(centre, queries, moments)
    assert torch.equal(answers, predictor.query_outputs(centre, queries, moments))
    assert described.shape == (len(queries), predictor.network.features)


def test_the_plain_head_is_meta_learned_and_the_same_for_every_support_set(
    support: tuple[Tensor, Tensor],
) -> None:
    network = Conv4(filters=4)
    predictor = Predictor(network, PlainHead(network.features, WAYS))
    theta = predictor.initialise(torch.Generator().manual_seed(0)).double()
    assert torch.equal(predictor.centre(theta, *support), theta)
    assert predictor.head.max_ways == WAYS


def test_the_masked_head_uses_its_first_slots() -> None:
    head = MaskedHead(features=3, slots=6)
    parameters = head.initialise(torch.Generator().manual_seed(0))
    features = torch.ones(WAYS, 3)
    rows = head.centre(parameters, features, torch.eye(WAYS))
    assert torch.equal(rows, parameters.reshape(6, 4)[:WAYS])
    assert (head.min_ways, head.max_ways, head.size) == (2, 6, 24)


def test_examples_of_a_regression_count_alike() -> None:
    """Conv4's moments are then batch normalisation's."""
    network = Conv4(filters=4)
    predictor = Predictor(network, PlainHead(network.features, ways=1), SquaredError())
    theta = predictor.initialise(torch.Generator().manual_seed(0)).double()
    images = torch.rand(6, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    numbers = torch.tensor([[100.0], [-3.0], [0.0], [0.5], [7.0], [2.0]], dtype=torch.float64)
    _, moments = predictor.support_outputs(theta, images, numbers)
    weights = torch.full((6,), 1 / 6, dtype=torch.float64)
    _, expected = network.support_features(theta[: network.layout.size], network.prepare(images), weights)
    assert torch.allclose(moments, expected)


def test_theta_is_laid_out_as_the_layout_says(predictor: Predictor, theta: Tensor) -> None:
    parts = predictor.layout.unpack(theta)
    assert torch.equal(torch.cat([part.flatten() for part in parts.values()]), theta)
    assert parts["block1.weight"].shape == (4, 3, 3, 4)
    assert parts["head"].shape == (1,)
    assert torch.equal(parts["block0.scale"], torch.ones(4, dtype=torch.float64))
