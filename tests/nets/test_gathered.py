"""The convolution for export is the library's, to the second derivative, whatever the size and stride."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.convolution import convolve, patches
from imaml.nets.gathered import gathered_convolutions, in_force
from tests.nets.networks import NETWORKS, case

Convolution = Callable[[Tensor, Tensor, int], Tensor]

strides = st.sampled_from([1, 2])
small = st.integers(1, 3)
sides = st.integers(1, 9)  # odd and even ones, and such as no patch fits into


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def ours(images: Tensor, weight: Tensor, stride: int) -> Tensor:
    with gathered_convolutions():
        return convolve(images, weight, stride)


def library(images: Tensor, weight: Tensor, stride: int) -> Tensor:
    kernel = weight.movedim(3, 1)
    return F.conv2d(images.movedim(3, 1), kernel, stride=stride, padding=1).movedim(1, 3)


def check(function: Callable[[Convolution], tuple[Tensor, ...]]) -> None:
    for actual, expected in zip(function(ours), function(library), strict=True):
        assert actual.shape == expected.shape
        assert torch.allclose(actual, expected, atol=1e-10)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(small, sides, sides, small, small, strides)
def test_values_gradients_and_second_derivatives_are_the_librarys(
    examples: int, height: int, width: int, channels: int, filters: int, stride: int
) -> None:
    images, to_images = (random(examples, height, width, channels, seed=seed) for seed in (0, 1))
    weight, to_weight = (random(filters, 3, 3, channels, seed=seed) for seed in (2, 3))

    def derivatives(convolution: Convolution) -> tuple[Tensor, ...]:
        def loss(images: Tensor, weight: Tensor) -> Tensor:
            return convolution(images, weight, stride).pow(3).sum()

        def slope(images: Tensor, weight: Tensor) -> Tensor:
            first, second = grad(loss, argnums=(0, 1))(images, weight)
            return (first * to_images).sum() + (second * to_weight).sum()

        value = convolution(images, weight, stride)
        first = grad(loss, argnums=(0, 1))(images, weight)
        return (value, *first, *grad(slope, argnums=(0, 1))(images, weight))

    check(derivatives)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(sides, sides, strides)
def test_each_of_the_three_functions_is_differentiated_alone(height: int, width: int, stride: int) -> None:
    """Third derivatives: through the gradients to the inputs and to the weights, and through theirs."""
    images = random(2, height, width, 2, seed=0).requires_grad_()
    weight = random(3, 3, 3, 2, seed=1).requires_grad_()

    def third(convolution: Convolution) -> tuple[Tensor, ...]:
        loss = convolution(images, weight, stride).pow(3).sum()
        for _ in range(2):
            parts = torch.autograd.grad(loss, (images, weight), create_graph=True)
            loss = sum((part.square().sum() for part in parts), torch.zeros(()))
        return torch.autograd.grad(loss / 1e4, (images, weight))

    for actual, expected in zip(third(ours), third(library), strict=True):
        assert torch.allclose(actual, expected, rtol=1e-9, atol=1e-8)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(small, sides, sides, small, strides)
def test_patches_are_those_of_the_usual_form(
    examples: int, height: int, width: int, channels: int, stride: int
) -> None:
    images = random(examples, height, width, channels, seed=0)
    with gathered_convolutions():
        picked = patches(images, 3, stride)
    assert torch.equal(picked, patches(images, 3, stride))


def test_tasks_side_by_side_are_as_each_alone() -> None:
    images, weights = random(2, 3, 5, 4, 2, seed=0), random(2, 3, 3, 3, 2, seed=1)
    for stride in (1, 2):
        together = vmap(ours, (0, 0, None))(images, weights, stride)
        alone = torch.stack([ours(x, weight, stride) for x, weight in zip(images, weights, strict=True)])
        assert torch.allclose(together, alone, atol=1e-12)


def test_whole_networks_give_the_same_in_either_form() -> None:
    for name in NETWORKS:
        usual = case(name).support_features()
        with gathered_convolutions():
            exported = case(name).support_features()
        for actual, expected in zip(exported, usual, strict=True):
            assert torch.allclose(actual, expected, atol=1e-11)


def test_the_form_is_left_with_its_block_even_by_an_error() -> None:
    with gathered_convolutions():
        assert in_force()
    with pytest.raises(RuntimeError), gathered_convolutions():
        convolve(torch.zeros(1, 4, 4, 2), torch.zeros(3, 3, 3, 5), 1)
    assert not in_force()
