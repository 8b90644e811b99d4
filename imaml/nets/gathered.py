"""3×3 convolution for export: rows picked by constant indices, then one matrix product, in each direction.

ONNX Runtime's own kernels for the two gradients of a convolution are slow: the one to the weights is a
convolution with a kernel as large as the image, the one to the inputs adds up overlapping patches number by
number. Here both are products of matrices as well, and of the same size as the convolution itself.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name

_in_force = ContextVar("gathered convolutions", default=False)


@contextmanager
def gathered_convolutions() -> Generator[None, None, None]:
    """Use this form inside."""
    token = _in_force.set(True)
    try:
        yield
    finally:
        _in_force.reset(token)


def in_force() -> bool:
    """Whether this form is to be used."""
    # A compiler, which makes kernels of its own, cannot look into the variable.
    return not torch.compiler.is_compiling() and _in_force.get()


def convolve(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """As `imaml.nets.convolution.convolve`, for k = 3 and stride 1 or 2."""
    return _Convolution.apply(x, weight.flatten(1), stride)


def patches(x: Tensor, stride: int) -> Tensor:
    """As `imaml.nets.convolution.patches`, for k = 3."""
    examples, height, width, channels = x.shape
    picked = _pick(x, _sources(height, width, stride))
    return picked.reshape(examples, -(-height // stride), -(-width // stride), 9 * channels)


def with_ones(x: Tensor) -> Tensor:
    """Rows [n, c] with a column of ones after them."""
    return _WithOnes.apply(x) if in_force() else torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


class _WithOnes(torch.autograd.Function):
    """Under the library's own rule for `cat`, the exporter would fix the number of rows."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        return grad_outputs[0][..., :-1]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        return _WithOnes.apply(args[0].movedim(in_dims[0], 0)), 0


class _Bilinear(torch.autograd.Function):
    """A convolution or one of its two gradients; each of the three has the others for derivatives."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.stride = inputs[2]


class _Convolution(_Bilinear):
    """From inputs [n, height, width, in] and the matrix [out, 9 · in] to outputs."""

    @staticmethod
    def forward(x: Tensor, matrix: Tensor, stride: int) -> Tensor:
        return F.linear(patches(x, stride), matrix)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, None]:
        x, matrix = ctx.saved_tensors
        to_x = _ToInputs.apply(*grad_outputs, matrix, ctx.stride, *x.shape[1:3])
        return to_x, _ToMatrix.apply(x, *grad_outputs, ctx.stride), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        x, matrix = _tasks(info, in_dims, args)
        rows = patches(x.flatten(0, 1), args[2])
        product = rows.reshape(info.batch_size, -1, rows.shape[-1]) @ matrix.mT
        return product.reshape(*x.shape[:2], *rows.shape[1:3], -1), 0


class _ToInputs(_Bilinear):
    """The gradient to the inputs [n, height, width, in], from that of the outputs."""

    @staticmethod
    def forward(outputs: Tensor, matrix: Tensor, stride: int, height: int, width: int) -> Tensor:
        spread = _spread if stride == 2 else _mirrored
        return spread(outputs, matrix[None], height, width)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, None, None, None]:
        outputs, matrix = ctx.saved_tensors
        to_outputs = _Convolution.apply(*grad_outputs, matrix, ctx.stride)
        return to_outputs, _ToMatrix.apply(*grad_outputs, outputs, ctx.stride), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        outputs, matrix = _tasks(info, in_dims, args)
        spread = _spread if args[2] == 2 else _mirrored
        return spread(outputs.flatten(0, 1), matrix, *args[3:]).unflatten(0, outputs.shape[:2]), 0


class _ToMatrix(_Bilinear):
    """The gradient to the matrix [out, 9 · in], from inputs and that of the outputs."""

    @staticmethod
    def forward(x: Tensor, outputs: Tensor, stride: int) -> Tensor:
        # In this order, with the smaller factor on the right, ONNX Runtime is fastest.
        return (patches(x, stride).flatten(0, 2).T @ outputs.flatten(0, 2)).T

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, Tensor, None]:
        x, outputs = ctx.saved_tensors
        to_x = _ToInputs.apply(outputs, *grad_outputs, ctx.stride, *x.shape[1:3])
        return to_x, _Convolution.apply(x, *grad_outputs, ctx.stride), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> tuple[Tensor, int]:
        x, outputs = _tasks(info, in_dims, args)
        rows = patches(x.flatten(0, 1), args[2]).reshape(info.batch_size, -1, 9 * x.shape[-1])
        return (rows.mT @ outputs.flatten(1, 3)).mT, 0


def _tasks(info: Any, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
    """The two tensors of each task, the tasks in front."""
    both = zip(arguments[:2], in_dims[:2], strict=True)
    first, second = (
        tensor.expand(info.batch_size, *tensor.shape) if axis is None else tensor.movedim(axis, 0)
        for tensor, axis in both
    )
    return first, second


def _mirrored(outputs: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """For stride 1: a convolution with the kernel turned around; the tasks' examples follow each other."""
    return _times(patches(outputs, 1), _taps(matrices, [[8 - tap] for tap in range(9)]))


def _spread(outputs: Tensor, matrices: Tensor, height: int, width: int) -> Tensor:
    """For stride 2: pixels in pairs, so that each pair depends on two outputs, or four in odd rows.

    A pixel of an even row is the middle of one output's patch; one of an odd row is the end of one output's
    and the start of the next one's. The same holds for columns.
    """
    examples, rows, columns, _ = outputs.shape
    none = 9
    even = _taps(matrices, [[4, 5], [none, 3]])
    odd = _taps(matrices, [[7, 8], [none, 6], [1, 2], [none, 0]])
    right = _pick(outputs, _neighbours(rows, columns, 1)).reshape(examples, rows, columns, -1)
    below = _pick(outputs, _neighbours(rows, columns, 2)).reshape(examples, rows, columns, -1)
    pairs = torch.stack([_times(right, even), _times(below, odd)], dim=2)
    return pairs.reshape(examples, 2 * rows, 2 * columns, -1)[:, :height, :width]


def _times(rows: Tensor, matrices: Tensor) -> Tensor:
    """Rows [tasks · n, height, width, k] of each task times its matrix [tasks, k, c]."""
    if len(matrices) == 1:
        return rows @ matrices[0]
    product = rows.reshape(len(matrices), -1, rows.shape[-1]) @ matrices
    return product.reshape(*rows.shape[:3], -1)


def _taps(matrices: Tensor, taps: list[list[int]]) -> Tensor:
    """Blocks of each task's [out, 9 · in], by the tap that each is: [tasks, rows · out, columns · in].

    Tap 9 is none.
    """
    tasks, outputs = matrices.shape[:2]
    blocks = matrices.reshape(tasks, outputs * 9, -1)
    index = [
        output * 9 + tap if tap < 9 else outputs * 9
        for row in taps
        for output in range(outputs)
        for tap in row
    ]
    padded = torch.cat([blocks, torch.zeros_like(blocks[:, :1])], dim=1)
    picked = padded.index_select(1, torch.tensor(index, device=matrices.device))
    return picked.reshape(tasks, len(taps) * outputs, -1)


def _pick(x: Tensor, index: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
    """Pixels of [n, height, width, c] by number [k]: [n, k, c]; the number after the last is a zero."""
    rows = x.flatten(1, 2)
    padded = torch.cat([rows, torch.zeros_like(rows[:, :1])], dim=1)
    return padded.index_select(1, torch.from_numpy(index).to(x.device))


@cache
def _sources(height: int, width: int, stride: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The pixels of each 3×3 patch, row by row."""
    windows = np.lib.stride_tricks.sliding_window_view(_numbers(height, width), (3, 3))
    return windows[::stride, ::stride].flatten()


@cache
def _neighbours(height: int, width: int, rows: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Each pixel and its right neighbour, and in the second of two rows those below."""
    windows = np.lib.stride_tricks.sliding_window_view(_numbers(height, width)[1:, 1:], (rows, 2))
    return windows[:height, :width].flatten()


def _numbers(height: int, width: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The pixels' numbers, with padding around them that has the number after the last."""
    return np.pad(np.arange(height * width).reshape(height, width), 1, constant_values=height * width)
