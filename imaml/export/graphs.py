"""A predictor's functions as ONNX graphs: parameters are inputs, support size and ways are free."""

import logging
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import Dim
from torch.func import grad, grad_and_value, vmap  # pyright: ignore[reportUnknownVariableType]
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

from imaml.export.decompositions import TABLE
from imaml.nets.gathered import gathered_convolutions
from imaml.nets.losses import SquaredError
from imaml.nets.predictor import Predictor
from imaml.runtime.graphs import BATCH

FREE = Dim.DYNAMIC  # pyright: ignore[reportAttributeAccessIssue]


@dataclass(frozen=True)
class Function:
    """One function of a model: what is called, with which example inputs, under which names."""

    call: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: dict[str, Tensor]
    free: tuple[Mapping[int, object], ...]
    """For each input, its dimensions of any length."""
    outputs: tuple[str, ...]


def functions(
    predictor: Predictor, theta: Tensor, ways: int, examples: int, seed: int = 0
) -> dict[str, Function]:
    """The functions that a service may need, with random example inputs of these sizes.

    The ways are the nearest that the head allows, and every class has an example.
    """
    head = predictor.head
    ways = min(max(ways, head.min_ways), head.max_ways or ways)
    generator = torch.Generator().manual_seed(seed)
    images, targets = _support(predictor, ways, max(ways, examples), generator)
    phi, seen, *_ = _centre(predictor, theta, images, targets)
    _, _, moments = predictor.prepared_outputs(phi, seen, targets)
    direction = torch.randn(phi.shape, generator=generator)
    # One size stays one size: a number of ways that the head fixes is a constant of the graph.
    fixed = head.min_ways == head.max_ways
    free_phi: dict[int, object] = {} if fixed else {0: FREE}
    free_support = ({0: FREE}, {0: FREE} if fixed else {0: FREE, 1: FREE})
    support = {"seen": seen, "targets": targets}
    return {
        "centre": Function(
            partial(_centre, predictor),
            {"theta": theta, "images": images, "targets": targets},
            ({}, *free_support),
            ("centre", "seen", "features", "moments"),
        ),
        "value_and_gradient": Function(
            partial(_value_and_gradient, predictor),
            {"phi": phi, **support},
            (free_phi, *free_support),
            ("loss", "gradient", "logits", "features", "moments"),
        ),
        "value_and_gradient_batch": Function(
            partial(_value_and_gradient_batch, predictor),
            {name: _repeated(value) for name, value in (("phi", phi), *support.items())},
            tuple({axis + 1: size for axis, size in free.items()} for free in (free_phi, *free_support)),
            ("losses", "gradients", "logits", "features", "moments"),
        ),
        "predict": Function(
            partial(_predict, predictor),
            {"phi": phi, "moments": moments, "images": images, "temperature": torch.tensor([1.25])},
            (free_phi, {}, {0: FREE}, {}),
            ("probabilities", "features"),
        ),
        "curvature_product": Function(
            partial(_curvature_product, predictor),
            {"phi": phi, **support, "p": direction / direction.norm()},
            (free_phi, *free_support, free_phi),
            ("product",),
        ),
    }


def _repeated(value: Tensor) -> Tensor:
    return value.detach().expand(BATCH, *value.shape).contiguous()


def _support(
    predictor: Predictor, ways: int, examples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    images = torch.rand(examples, *predictor.network.input_shape, generator=generator)
    if isinstance(predictor.loss, SquaredError):
        return images, torch.randn(examples, ways, generator=generator)
    labels = torch.arange(examples) % ways
    return images, torch.nn.functional.one_hot(labels, ways).float() / examples


def _centre(predictor: Predictor, theta: Tensor, images: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
    seen = predictor.network.prepare(images)
    centre, features, moments = predictor.prepared_centre(theta, seen, targets)
    return centre, seen, features, moments


def _value_and_gradient(
    predictor: Predictor, phi: Tensor, seen: Tensor, targets: Tensor
) -> tuple[Tensor, ...]:
    value, to_network, to_rows, *rest = _of_parts(predictor, *predictor.split(phi), seen, targets)
    return value, torch.cat([to_network, to_rows]), *rest


def _value_and_gradient_batch(
    predictor: Predictor, phi: Tensor, seen: Tensor, targets: Tensor
) -> tuple[Tensor, ...]:
    # Taken apart and put together out here: inside, the library's rules would fix sizes that are free.
    size = predictor.network.layout.size
    of_parts = vmap(partial(_of_parts, predictor))
    value, to_network, to_rows, *rest = of_parts(phi[:, :size], phi[:, size:], seen, targets)
    return value, torch.cat([to_network, to_rows], dim=1), *rest


def _of_parts(
    predictor: Predictor, network: Tensor, rows: Tensor, seen: Tensor, targets: Tensor
) -> tuple[Tensor, ...]:
    """The loss of a φ in two parts, the gradient in each, and what was computed on the way."""

    def loss(network: Tensor, rows: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        outputs, *rest = predictor.outputs_of_parts(network, rows, seen, targets)
        return predictor.loss.value(outputs, targets), (outputs, *rest)

    gradients, (value, rest) = grad_and_value(loss, argnums=(0, 1), has_aux=True)(network, rows)
    return value, *gradients, *rest


def _predict(
    predictor: Predictor, phi: Tensor, moments: Tensor, images: Tensor, temperature: Tensor
) -> tuple[Tensor, ...]:
    outputs, features = predictor.query_answers(phi, images, moments)
    return predictor.loss.answer(outputs, temperature), features


def _curvature_product(predictor: Predictor, phi: Tensor, seen: Tensor, targets: Tensor, p: Tensor) -> Tensor:
    def slope(phi: Tensor) -> Tensor:
        return (_value_and_gradient(predictor, phi, seen, targets)[1] * p).sum()

    return grad(slope)(phi)


def onnx_graphs(predictor: Predictor, names: Iterable[str]) -> Mapping[str, bytes]:
    """The ONNX files of a predictor's functions. They hold no parameters, so one tracing serves every θ."""
    return {name: _to_onnx(predictor, name) for name in names}


@cache
def _example(predictor: Predictor, name: str) -> Function:
    """A function with the example inputs that it is traced with."""
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    return functions(predictor, theta, ways=2, examples=7)[name]


@cache
def _trace(predictor: Predictor, name: str) -> GraphModule:
    """Turn a function, gradients included, into plain operations, which the exporter can then translate."""
    function = _example(predictor, name)

    def call(*inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return function.call(*inputs)  # make_fx counts the arguments of plain functions alone

    with gathered_convolutions():
        return make_fx(call, decomposition_table=TABLE)(*_symbolic(function))


def _symbolic(function: Function) -> list[Tensor]:
    """The example inputs, with symbols for their free dimensions; symbols for all would take far longer."""
    mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)  # constants are real
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
