"""Derivatives without differentiation."""

from collections.abc import Callable

import torch
from torch import Tensor


def assert_is_gradient(
    gradient: Tensor, function: Callable[[Tensor], Tensor], point: Tensor, tolerance: float = 1e-6
) -> None:
    """Compare with central differences of a scalar function, along the gradient and a random direction."""
    generator = torch.Generator().manual_seed(11)
    random = torch.randn(len(point), dtype=point.dtype, generator=generator)
    for direction in (gradient / gradient.norm(), random / random.norm()):
        step = 1e-5 * direction
        difference = (function(point + step) - function(point - step)) / 2e-5
        assert abs(difference - gradient @ direction) <= tolerance * gradient.norm()
