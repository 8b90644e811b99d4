"""The networks as the library's own layers in training mode, of which the support set is one batch."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.pooling import max_pool
from tests.nets.networks import NETWORKS, case

either = pytest.mark.parametrize("name", ["conv4", "conv4 with more filters than numbers in a patch"])


def unit(p: dict[str, Tensor], name: str, x: Tensor, stride: int = 1) -> Tensor:
    """Convolution and batch normalisation of [n, channels, height, width]."""
    weight = p[f"{name}.weight"].movedim(3, 1)
    x = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
    return F.batch_norm(x, None, None, p[f"{name}.scale"], p[f"{name}.shift"], training=True)


def check(name: str, expected: Tensor) -> None:
    features, _ = case(name).support_features()
    assert torch.allclose(features, expected, atol=1e-10)


def channels_last(x: Tensor) -> Tensor:
    """Images [n, channels, height, width] as rows, in the order of the networks' features."""
    return x.movedim(1, 3).flatten(1)


@either
def test_conv4_is_batch_normalised_over_the_support_set(name: str) -> None:
    network, parameters, x, *_ = case(name)
    p = network.layout.unpack(parameters)
    for block in range(4):
        x = unit(p, f"block{block}", x, stride=2).relu()
    check(name, channels_last(x))


def test_conv4_with_pooling_is_that_of_the_paper() -> None:
    network, parameters, x, *_ = case("conv4 with pooling")
    p = network.layout.unpack(parameters)
    for block in range(4):
        x = F.max_pool2d(unit(p, f"block{block}", x).relu(), 2)
    check("conv4 with pooling", channels_last(x))


def test_resnet12_is_that_of_the_papers() -> None:
    network, parameters, x, *_ = case("resnet12")
    p = network.layout.unpack(parameters)
    for block in range(4):
        y = F.leaky_relu(unit(p, f"block{block}.0", x), 0.1)
        y = F.leaky_relu(unit(p, f"block{block}.1", y), 0.1)
        y = unit(p, f"block{block}.2", y) + unit(p, f"block{block}.shortcut", x)
        x = F.max_pool2d(F.leaky_relu(y, 0.1), 2)
    check("resnet12", F.adaptive_avg_pool2d(x, 1).flatten(1))


@either
def test_the_moments_are_means_and_variances_layer_by_layer(name: str) -> None:
    network, parameters, x, *_ = case(name)
    p = network.layout.unpack(parameters)
    expected: list[Tensor] = []
    for block in range(4):
        convolved = F.conv2d(x, p[f"block{block}.weight"].movedim(3, 1), stride=2, padding=1)
        variance, mean = torch.var_mean(convolved, (0, 2, 3), correction=0)
        expected += [mean, variance]
        x = unit(p, f"block{block}", x, stride=2).relu()
    assert torch.allclose(case(name).support_features()[1], torch.cat(expected), atol=1e-12)


@either
def test_moments_stay_precise_where_the_rest_is_in_half_precision(name: str) -> None:
    network, parameters, support, targets, _ = case(name)
    with torch.autocast("cpu", torch.bfloat16):
        features, moments = network.support_features(
            parameters.float(), network.prepare(support.float()), targets.sum(1).float()
        )
    expected, precise = case(name).support_features()
    assert moments.dtype == torch.float32
    assert torch.allclose(moments.double(), precise, rtol=0.02, atol=0.02)
    assert torch.nn.functional.cosine_similarity(features.double(), expected).min() > 0.99


def test_pooling_cuts_an_odd_side_and_shares_the_gradient_among_the_largest() -> None:
    image = torch.tensor([[[1.0, 1.0, 9.0], [1.0, 0.0, 9.0], [9.0, 9.0, 9.0]]], requires_grad=True)
    pooled = max_pool(image[..., None])
    assert torch.equal(pooled, torch.ones(1, 1, 1, 1))
    (gradient,) = torch.autograd.grad(pooled.sum(), image)
    third = 1 / 3
    assert torch.allclose(gradient, torch.tensor([[[third, third, 0], [third, 0, 0], [0, 0, 0]]]))


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_start_as_xavier_draws_them(name: str) -> None:
    network = NETWORKS[name]
    drawn = network.layout.unpack(network.initialise(torch.Generator().manual_seed(0)))
    for part, value in drawn.items():
        if part.endswith("weight"):
            fans = (value.shape[0] + value.shape[-1]) * value[0, ..., 0].numel()
            assert 0.5 < value.abs().max() / (6 / fans) ** 0.5 <= 1
        else:
            assert torch.equal(value, torch.full_like(value, float(part.endswith("scale"))))
