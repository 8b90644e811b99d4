"""A predictor's functions as ONNX graphs: parameters are inputs, support size and ways are free."""

import logging
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim
from torch.func import grad, grad_and_value
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

from imaml.export.decompositions import TABLE
from imaml.nets.convolution import native_convolutions
from imaml.nets.losses import SquaredError
from imaml.nets.predictor import Predictor

FREE = Dim.DYNAMIC  # pyright: ignore[reportAttributeAccessIssue]


@dataclass(frozen=True)
class Function:
    """One function of a model: what is called, with which example inputs, under which names."""

    call: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: dict[str, Tensor]
    free: tuple[Mapping[int, object], ...]
    """For each input, its dimensions of any length."""
    outputs: tuple[str, ...]


def functions(predictor: Predictor, theta: Tensor, ways: int, examples: int) -> dict[str, Function]:
    """The functions that a service may need, with random example inputs of these sizes.

    The ways are the nearest that the head allows, and every class has an example.
    """
    head = predictor.head
    ways = min(max(ways, head.min_ways), head.max_ways or ways)
    images, targets = _support(predictor, ways, max(ways, examples))
    phi = predictor.centre(theta, images, targets)
    _, moments = predictor.support_outputs(phi, images, targets)
    direction = torch.randn(phi.shape, generator=torch.Generator().manual_seed(examples))
    # One size stays one size: a number of ways that the head fixes is a constant of the graph.
    fixed = head.min_ways == head.max_ways
    free_phi: dict[int, object] = {} if fixed else {0: FREE}
    free_support = ({0: FREE}, {0: FREE} if fixed else {0: FREE, 1: FREE})
    support = {"images": images, "targets": targets}
    return {
        "centre": Function(predictor.centre, {"theta": theta, **support}, ({}, *free_support), ("centre",)),
        "value_and_gradient": Function(
            partial(_value_and_gradient, predictor),
            {"phi": phi, **support},
            (free_phi, *free_support),
            ("loss", "gradient", "logits", "moments"),
        ),
        "predict": Function(
            partial(_predict, predictor),
            {"phi": phi, "moments": moments, "images": images},
            (free_phi, {}, {0: FREE}),
            ("probabilities",),
        ),
        "curvature_product": Function(
            partial(_curvature_product, partial(_gradient, predictor)),
            {"phi": phi, **support, "p": direction / direction.norm()},
            (free_phi, *free_support, free_phi),
            ("product",),
        ),
    }


def _support(predictor: Predictor, ways: int, examples: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(ways * 1000 + examples)
    images = torch.rand(examples, *predictor.network.input_shape, generator=generator)
    if isinstance(predictor.loss, SquaredError):
        return images, torch.randn(examples, ways, generator=generator)
    labels = torch.arange(examples) % ways
    return images, torch.nn.functional.one_hot(labels, ways).float() / examples


def _value_and_gradient(
    predictor: Predictor, phi: Tensor, images: Tensor, targets: Tensor
) -> tuple[Tensor, ...]:
    def loss(phi: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        outputs, moments = predictor.support_outputs(phi, images, targets)
        return predictor.loss.value(outputs, targets), (outputs, moments)

    gradient, (value, (outputs, moments)) = grad_and_value(loss, has_aux=True)(phi)
    return value, gradient, outputs, moments


def _predict(predictor: Predictor, phi: Tensor, moments: Tensor, images: Tensor) -> Tensor:
    return predictor.loss.answer(predictor.query_outputs(phi, images, moments))


def _gradient(predictor: Predictor, phi: Tensor, images: Tensor, targets: Tensor) -> Tensor:
    return _value_and_gradient(predictor, phi, images, targets)[1]


def _curvature_product(
    gradient: Callable[[Tensor, Tensor, Tensor], Tensor],
    phi: Tensor,
    images: Tensor,
    targets: Tensor,
    p: Tensor,
) -> Tensor:
    def slope(phi: Tensor) -> Tensor:
        return (gradient(phi, images, targets) * p).sum()

    return grad(slope)(phi)


def onnx_graphs(predictor: Predictor, curvature: bool = False) -> Mapping[str, bytes]:
    """The ONNX files of a predictor's functions. They hold no parameters, so one tracing serves every θ.

    With `curvature` there is a `curvature_product` among them, which few recipes need.
    """
    names = ("centre", "value_and_gradient", "predict", "curvature_product")
    return {name: _to_onnx(predictor, name) for name in names[: 4 if curvature else 3]}


@cache
def _example(predictor: Predictor, name: str) -> Function:
    """A function with the example inputs that it is traced with."""
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    function = functions(predictor, theta, ways=2, examples=7)[name]
    if name != "curvature_product":
        return function
    # The library's second derivative of a convolution pins the number of examples down; that of the trace,
    # where a convolution's first derivative is made of convolutions, does not.
    traced = _trace(predictor, "value_and_gradient")

    def gradient(phi: Tensor, images: Tensor, targets: Tensor) -> Tensor:
        return traced(phi, images, targets)[1]

    return replace(function, call=partial(_curvature_product, gradient))


@cache
def _trace(predictor: Predictor, name: str) -> GraphModule:
    """Turn a function, gradients included, into plain operations, which the exporter can then translate."""
    function = _example(predictor, name)

    def call(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return function.call(*inputs)  # make_fx counts the arguments of plain functions alone

    # ONNX has an operator for convolutions, and tasks come one by one there.
    with native_convolutions():
        return make_fx(call, decomposition_table=TABLE)(*_symbolic(function))


def _symbolic(function: Function) -> list[Tensor]:
    """The example inputs, with symbols for their free dimensions; symbols for all would take far longer."""
    mode = FakeTensorMode(shape_env=ShapeEnv())
    return [
        mode.from_tensor(
            value.detach(),
            symbolic_context=StatelessSymbolicContext(
                [DimDynamic.DYNAMIC if axis in free else DimDynamic.STATIC for axis in range(value.dim())]
            ),
        )
        for value, free in zip(function.inputs.values(), function.free, strict=True)
    ]


@cache
def _to_onnx(predictor: Predictor, name: str) -> bytes:
    """Write the trace of a function as one ONNX file."""
    function = _example(predictor, name)
    with _quiet():
        program = torch.onnx.export(
            _trace(predictor, name),
            tuple(function.inputs.values()),
            dynamo=True,
            dynamic_shapes=function.free,
            input_names=list(function.inputs),
            output_names=list(function.outputs),
            verbose=False,
        )
    assert program is not None
    return program.model_proto.SerializeToString()


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Keep the exporter's notes on packages that are not needed here away from the user."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
