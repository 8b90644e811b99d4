"""The predictor's invariances: relabelling, order, weights, batch-mates; and its prototype head."""

import pytest
import torch
from torch import Tensor

from imaml.nets.conv4 import Conv4
from imaml.nets.heads import PlainHead, PrototypeHead
from imaml.nets.losses import CrossEntropy
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
    features, moments = predictor.network.support_features(network, images, targets.sum(1))
    prototypes = features.reshape(WAYS, SHOTS, -1).mean(1)
    distances = torch.cdist(predictor.network.query_features(network, queries, moments), prototypes) ** 2
    expected = (-theta[-1].exp() * distances).softmax(1)
    assert torch.allclose(answer(predictor, theta, images, targets, queries).softmax(1), expected, atol=1e-12)


def test_relabelling_the_classes_relabels_the_answer(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor], queries: Tensor
) -> None:
    images, targets = support
    order = torch.tensor([2, 0, 3, 1])
    renamed = answer(predictor, theta, images, targets[:, order], queries)
    assert torch.allclose(renamed, answer(predictor, theta, images, targets, queries)[:, order], atol=1e-12)


def test_the_order_of_examples_does_not_matter(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor], queries: Tensor
) -> None:
    images, targets = support
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(3))
    shuffled = answer(predictor, theta, images[order], targets[order], queries)
    assert torch.allclose(shuffled, answer(predictor, theta, images, targets, queries), atol=1e-12)


def test_an_answer_does_not_depend_on_the_other_queries(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor], queries: Tensor
) -> None:
    together = answer(predictor, theta, *support, queries)
    alone = torch.cat([answer(predictor, theta, *support, query[None]) for query in queries])
    assert torch.allclose(together, alone, atol=1e-12)


def test_an_example_of_weight_zero_is_as_if_it_were_not_there(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor], queries: Tensor
) -> None:
    images, targets = support
    padded = torch.cat([images, torch.ones(1, 1, 28, 28, dtype=torch.float64)])
    padding = torch.cat([targets, torch.zeros(1, WAYS, dtype=torch.float64)])
    assert torch.allclose(
        answer(predictor, theta, padded, padding, queries),
        answer(predictor, theta, images, targets, queries),
        atol=1e-12,
    )


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


def test_normalisation_is_batch_normalisation_over_the_support_set(
    predictor: Predictor, theta: Tensor, support: tuple[Tensor, Tensor]
) -> None:
    images, targets = support
    p = predictor.network.layout.unpack(theta[: predictor.network.layout.size])
    x = images
    for block in range(4):
        x = torch.nn.functional.conv2d(x, p[f"block{block}.weight"], stride=2, padding=1)
        x = torch.nn.functional.batch_norm(
            x, None, None, p[f"block{block}.scale"], p[f"block{block}.shift"], training=True
        ).relu()
    features, _ = predictor.network.support_features(
        theta[: predictor.network.layout.size], images, targets.sum(1)
    )
    assert torch.allclose(features, x.flatten(1), atol=1e-10)


def test_the_plain_head_is_meta_learned_and_the_same_for_every_support_set(
    support: tuple[Tensor, Tensor],
) -> None:
    network = Conv4(filters=4)
    predictor = Predictor(network, PlainHead(network.features, WAYS))
    theta = predictor.initialise(torch.Generator().manual_seed(0)).double()
    assert torch.equal(predictor.centre(theta, *support), theta)
    assert predictor.head.max_ways == WAYS


def test_theta_is_laid_out_as_the_layout_says(predictor: Predictor, theta: Tensor) -> None:
    parts = predictor.layout.unpack(theta)
    assert torch.equal(torch.cat([part.flatten() for part in parts.values()]), theta)
    assert parts["block1.weight"].shape == (4, 4, 3, 3)
    assert parts["head"].shape == (1,)
    assert torch.equal(parts["block0.scale"], torch.ones(4, dtype=torch.float64))
