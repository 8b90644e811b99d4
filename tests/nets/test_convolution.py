"""Convolution as patches × matrix is the library's convolution, to every derivative."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, jvp, vmap
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets.convolution import convolve, flat, patches

TASKS, EXAMPLES, INPUTS, OUTPUTS = 3, 2, 4, 5


@pytest.fixture(params=[(3, 1), (3, 2), (1, 1), (1, 2)], ids=["3x3", "3x3 stride 2", "1x1", "1x1 stride 2"])
def geometry(request: pytest.FixtureRequest) -> tuple[int, int]:
    return request.param


def tasks(kernel: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images with an even and an odd side, and weights, for each task."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(TASKS, EXAMPLES, 6, 7, INPUTS, dtype=torch.float64, generator=generator)
    weights = torch.randn(TASKS, OUTPUTS, kernel, kernel, INPUTS, dtype=torch.float64, generator=generator)
    return images, weights


def ours(images: Tensor, weight: Tensor, stride: int) -> Tensor:
    return convolve(images, weight, stride)


def library(images: Tensor, weight: Tensor, stride: int) -> Tensor:
    """On channels first, as the library has them."""
    images, kernel = images.movedim(-1, -3), weight.movedim(-1, 1)
    return F.conv2d(images, kernel, stride=stride, padding=weight.shape[2] // 2).movedim(-3, -1)


def for_both(function: Callable[[Callable[[Tensor, Tensor, int], Tensor]], tuple[Tensor, ...]]) -> None:
    for actual, expected in zip(function(ours), function(library), strict=True):
        assert actual.shape == expected.shape
        assert torch.allclose(actual, expected, atol=1e-10)


def test_the_values_are_the_same_alone_and_for_tasks_side_by_side(geometry: tuple[int, int]) -> None:
    kernel, stride = geometry
    images, weights = tasks(kernel)
    for_both(lambda convolution: (convolution(images[0], weights[0], stride),))
    for_both(lambda convolution: (vmap(convolution, (0, 0, None))(images, weights, stride),))
    for_both(lambda convolution: (vmap(convolution, (0, None, None))(images, weights[0], stride),))
    for_both(lambda convolution: (vmap(convolution, (None, 0, None))(images[0], weights, stride),))


# torch itself scripts its forward-mode formulas when they are first used.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_gradients_and_hessian_products_are_the_same(geometry: tuple[int, int]) -> None:
    kernel, stride = geometry
    points, directions = tasks(kernel), tasks(kernel, seed=1)

    def derivatives(convolution: Callable[[Tensor, Tensor, int], Tensor]) -> tuple[Tensor, ...]:
        def loss(images: Tensor, weight: Tensor) -> Tensor:
            return convolution(images, weight, stride).pow(3).sum()

        gradient = grad(loss, argnums=(0, 1))

        def reverse(*arguments: Tensor) -> tuple[Tensor, ...]:
            image_direction, weight_direction = arguments[2:]

            def slope(images: Tensor, weight: Tensor) -> Tensor:
                to_images, to_weight = gradient(images, weight)
                return (to_images * image_direction).sum() + (to_weight * weight_direction).sum()

            return grad(slope, argnums=(0, 1))(*arguments[:2])

        def forward(*arguments: Tensor) -> tuple[Tensor, ...]:
            return jvp(gradient, arguments[:2], arguments[2:])[1]

        arguments = (*points, *directions)
        return (*vmap(gradient)(*points), *vmap(reverse)(*arguments), *vmap(forward)(*arguments))

    for_both(derivatives)


def test_autograd_outside_vmap_gives_the_same_as_inside(geometry: tuple[int, int]) -> None:
    kernel, stride = geometry
    images, weights = (tensor.requires_grad_() for tensor in tasks(kernel))

    def second_order(convolution: Callable[[Tensor, Tensor, int], Tensor]) -> tuple[Tensor, ...]:
        loss = vmap(convolution, (0, 0, None))(images, weights, stride).pow(3).sum()
        first = torch.autograd.grad(loss, (images, weights), create_graph=True)
        second = torch.autograd.grad(sum(part.square().sum() for part in first), (images, weights))
        return (*first, *second)

    for_both(second_order)


def test_a_compiler_sees_the_same_convolution(
    geometry: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form for compilers, run without one."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    kernel, stride = geometry
    images, weights = tasks(kernel)
    for_both(lambda convolution: (convolution(images[0], weights[0], stride),))
    for_both(
        lambda convolution: vmap(grad(lambda x, w: convolution(x, w, stride).pow(3).sum(), argnums=(0, 1)))(
            images, weights
        )
    )


def test_patches_made_before_give_the_same_with_flat_weights(geometry: tuple[int, int]) -> None:
    kernel, stride = geometry
    images, weights = (tensor[0] for tensor in tasks(kernel))
    prepared = convolve(patches(images, kernel, stride), flat(weights))
    assert torch.equal(prepared, convolve(images, weights, stride))


def test_half_precision_stays_half(geometry: tuple[int, int]) -> None:
    kernel, stride = geometry
    images, weights = (tensor.bfloat16() for tensor in tasks(kernel))
    actual = vmap(convolve, (0, 0, None))(images, weights, stride)
    expected = vmap(library, (0, 0, None))(images.double(), weights.double(), stride)
    assert actual.dtype == torch.bfloat16
    assert torch.allclose(actual.double(), expected, rtol=0.02, atol=0.05)
