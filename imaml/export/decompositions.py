"""Operations for which ONNX Runtime has no kernel, or a slow one, in terms of others."""

import torch
from torch import Tensor


def threshold_backward(gradient: Tensor, result: Tensor, threshold: float) -> Tensor:
    """Of a ReLU: where its result, which is 0 or more, is above 0. `Where` and `Sign` run on one thread."""
    assert threshold == 0, "only ReLU is exported"
    return gradient * (result * 1e30).clamp(0, 1)


def power(base: Tensor, exponent: float) -> Tensor:
    """Whole powers as products; `Pow` calls a function of the C library for each number."""
    if exponent not in (2, 3):
        return NotImplemented
    return base * base if exponent == 2 else base * base * base


def matrix_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    """As a product of matrices; ONNX Runtime fuses a transposition into this one and then errs."""
    return (matrix @ vector[:, None])[:, 0]


TABLE = {
    torch.ops.aten.threshold_backward.default: threshold_backward,
    torch.ops.aten.pow.Tensor_Scalar: power,
    torch.ops.aten.mv.default: matrix_vector,
}
