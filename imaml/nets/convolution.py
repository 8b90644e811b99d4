"""Convolution as patches × matrix.

Under `vmap` over weights the library's convolution becomes a grouped one, which runs at a fraction of the
speed of batched matrix products. Tensors are [n, height, width, channels], so that a patch is made of
contiguous runs, and weights [out, k, k, in] are matrices as they lie. k is 1 or 3, the padding k // 2.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

from imaml.nets import gathered


def convolve(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """Convolution of [n, height, width, in] with weights [out, k, k, in].

    Gives [n, ⌈height / stride⌉, ⌈width / stride⌉, out].
    """
    if gathered.in_force() and weight.shape[1] == 3:
        return gathered.convolve(x, weight, stride)
    return F.linear(patches(x, weight.shape[1], stride), weight.flatten(1))


def flat(weight: Tensor) -> Tensor:
    """Weights for patches as they are: [out, k, k, in] as [out, 1, 1, k · k · in]."""
    return weight.flatten(1)[:, None, None]


def patches(x: Tensor, kernel: int, stride: int = 1) -> Tensor:
    """What each output of a convolution sees of [n, height, width, in].

    Gives [n, ⌈height / stride⌉, ⌈width / stride⌉, k · k · in].
    """
    if kernel == 1:
        return x[:, ::stride, ::stride]
    if gathered.in_force():
        return gathered.patches(x, stride)
    # A compiler fuses the slices into what reads them; it does not see into the autograd functions.
    return _slices(x, stride) if torch.compiler.is_compiling() else _Patches.apply(x, stride)


def _slices(x: Tensor, stride: int) -> Tensor:
    """All 3×3 patches of [n, h, w, c], padded by 1: [n, ⌈h / stride⌉, ⌈w / stride⌉, 9 c]."""
    height, width = (x.shape[axis] - (x.shape[axis] - 1) % stride for axis in (1, 2))
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    rows = [slice(i, i + height, stride) for i in range(3)]
    columns = [slice(j, j + width, stride) for j in range(3)]
    return torch.cat([padded[:, row, column] for row in rows for column in columns], dim=3)


class _Patches(torch.autograd.Function):
    """`_slices`, with its adjoint for a backward in one pass."""

    @staticmethod
    def forward(x: Tensor, stride: int) -> Tensor:
        windows = F.pad(x, (0, 0, 1, 1, 1, 1)).unfold(1, 3, stride).unfold(2, 3, stride)
        return windows.permute(0, 1, 2, 4, 5, 3).flatten(3)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, ctx.stride = inputs
        ctx.size = x.shape[1:3]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None]:
        return _Overlay.apply(*grad_outputs, ctx.stride, *ctx.size), None

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Tensor:
        return _Patches.apply(grad_inputs[0], ctx.stride)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        x = args[0].movedim(in_dims[0], 0)
        return _Patches.apply(x.flatten(0, 1), *args[1:]).unflatten(0, x.shape[:2]), 0


class _Overlay(torch.autograd.Function):
    """The adjoint of `_Patches`: patches added up where they overlap."""

    @staticmethod
    def forward(patches: Tensor, stride: int, height: int, width: int) -> Tensor:
        examples, rows, columns, _ = patches.shape
        pieces = patches.unflatten(3, (3, 3, -1))
        total = patches.new_zeros(examples, height + 2, width + 2, pieces.shape[-1])
        for i in range(3):
            for j in range(3):
                end_i, end_j = i + stride * (rows - 1) + 1, j + stride * (columns - 1) + 1
                total[:, i:end_i:stride, j:end_j:stride] += pieces[:, :, :, i, j]
        return total[:, 1:-1, 1:-1]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.geometry = inputs[1:]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None, None, None]:
        return _Patches.apply(*grad_outputs, ctx.geometry[0]), None, None, None

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Tensor:
        return _Overlay.apply(grad_inputs[0], *ctx.geometry)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        patches = args[0].movedim(in_dims[0], 0)
        return _Overlay.apply(patches.flatten(0, 1), *args[1:]).unflatten(0, patches.shape[:2]), 0
