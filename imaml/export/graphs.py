"""A predictor's functions as ONNX graphs: parameters are inputs, support size and ways are free."""

import logging
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.export import Dim
from torch.func import grad_and_value
from torch.fx.experimental.proxy_tensor import make_fx

from imaml.export.decompositions import TABLE
from imaml.nets.predictor import Predictor

FREE = Dim.DYNAMIC  # pyright: ignore[reportAttributeAccessIssue]


@dataclass(frozen=True)
class Function:
    """One function of a model: what is called, with which example inputs, under which names."""

    call: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: dict[str, Tensor]
    free: tuple[dict[int, object], ...]
    """For each input, its dimensions of any length."""
    outputs: tuple[str, ...]


def functions(predictor: Predictor, theta: Tensor, ways: int, examples: int) -> dict[str, Function]:
    """The functions a service needs, with random example inputs of these sizes."""
    network = predictor.network
    generator = torch.Generator().manual_seed(ways * 1000 + examples)
    images = torch.rand(examples, *network.input_shape, generator=generator)
    labels = torch.arange(examples) % ways
    targets = torch.nn.functional.one_hot(labels, ways).float() / examples
    phi = predictor.centre(theta, images, targets)
    _, moments = predictor.support_outputs(phi, images, targets)

    def centre(theta: Tensor, images: Tensor, targets: Tensor) -> Tensor:
        return predictor.centre(theta, images, targets)

    def value_and_gradient(phi: Tensor, images: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        def loss(phi: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            outputs, moments = predictor.support_outputs(phi, images, targets)
            return predictor.loss.value(outputs, targets), (outputs, moments)

        gradient, (value, (outputs, moments)) = grad_and_value(loss, has_aux=True)(phi)
        return value, gradient, outputs, moments

    def predict(phi: Tensor, moments: Tensor, images: Tensor) -> Tensor:
        return predictor.loss.answer(predictor.query_outputs(phi, images, moments))

    support = {"images": images, "targets": targets}
    return {
        "centre": Function(
            centre, {"theta": theta, **support}, ({}, {0: FREE}, {0: FREE, 1: FREE}), ("centre",)
        ),
        "value_and_gradient": Function(
            value_and_gradient,
            {"phi": phi, **support},
            ({0: FREE}, {0: FREE}, {0: FREE, 1: FREE}),
            ("loss", "gradient", "logits", "moments"),
        ),
        "predict": Function(
            predict,
            {"phi": phi, "moments": moments, "images": images},
            ({0: FREE}, {}, {0: FREE}),
            ("probabilities",),
        ),
    }


@cache
def onnx_graphs(predictor: Predictor) -> Mapping[str, bytes]:
    """The ONNX files of a predictor's functions. They hold no parameters, so one tracing serves every θ."""
    theta = predictor.initialise(torch.Generator().manual_seed(0))
    ways = min(predictor.head.max_ways or 3, 3)
    traced = functions(predictor, theta, ways, examples=ways + 4)
    return {name: _to_onnx(function) for name, function in traced.items()}


def _to_onnx(function: Function) -> bytes:
    """Trace a function, gradients included, and write it as one ONNX file."""
    inputs = tuple(function.inputs.values())
    with _quiet():
        # make_fx turns torch.func.grad into plain operations, which the exporter can then translate.
        traced = make_fx(function.call, decomposition_table=TABLE, tracing_mode="symbolic")(*inputs)
        program = torch.onnx.export(
            traced,
            inputs,
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
