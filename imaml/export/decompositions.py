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
    """`aten.convolution_backward` for plain two-dimensional convolutions.

    The gradient to the input is a transposed convolution; the one to the weight is a convolution of the
    transposed input with the transposed output gradient, stride and dilation exchanged, cropped to the
    kernel.
    """
    assert not transposed, "only plain convolutions are exported"
    assert groups == 1, "only ungrouped convolutions are exported"
    to_inputs = to_weight = to_bias = None
    if output_mask[0]:
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
            inputs.transpose(0, 1),
            gradient.transpose(0, 1),
            stride=dilation,
            padding=padding,
            dilation=stride,
        )
        to_weight = full[:, :, : weight.shape[2], : weight.shape[3]].transpose(0, 1)
    if output_mask[2]:
        to_bias = gradient.sum((0, 2, 3))
    return to_inputs, to_weight, to_bias


TABLE = {torch.ops.aten.convolution_backward.default: convolution_backward}
