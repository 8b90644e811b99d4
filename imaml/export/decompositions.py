"""The backward of a convolution in terms of convolutions, for which the ONNX exporter has lowerings."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's usual name


def convolution_backward(
    gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    bias_sizes: list[int] | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
    output_mask: list[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """`aten.convolution_backward` for ungrouped two-dimensional convolutions, plain and transposed.

    The gradient to the input of a plain one is a transposed convolution, and the reverse. The one to the
    weight is a convolution of what the plain one takes (transposed) with what it gives (transposed), stride
    and dilation exchanged, cropped to the kernel.
    """
    assert groups == 1, "only ungrouped convolutions are exported"
    large, small = (gradient, inputs) if transposed else (inputs, gradient)
    to_inputs = to_weight = to_bias = None
    if output_mask[0] and transposed:
        to_inputs = F.conv2d(gradient, weight, stride=stride, padding=padding, dilation=dilation)
    elif output_mask[0]:
        remainder = [
            inputs.shape[2 + axis]
            - (
                (gradient.shape[2 + axis] - 1) * stride[axis]
                - 2 * padding[axis]
                + dilation[axis] * (weight.shape[2 + axis] - 1)
                + 1
            )
            for axis in range(2)
        ]
        to_inputs = F.conv_transpose2d(
            gradient,
            weight,
            stride=stride,
            padding=padding,
            output_padding=[int(r) for r in remainder],
            dilation=dilation,
        )
    if output_mask[1]:
        full = F.conv2d(
            large.transpose(0, 1), small.transpose(0, 1), stride=dilation, padding=padding, dilation=stride
        )
        to_weight = full[:, :, : weight.shape[2], : weight.shape[3]].transpose(0, 1)
    if output_mask[2]:
        to_bias = gradient.sum((0, 2, 3))
    return to_inputs, to_weight, to_bias


TABLE = {torch.ops.aten.convolution_backward.default: convolution_backward}
