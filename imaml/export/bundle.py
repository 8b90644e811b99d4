"""Export of a trained θ: its graphs, compared with torch before anything is stored."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imaml.export.graphs import Function, functions, onnx_graphs
from imaml.nets.predictor import Predictor
from imaml.runtime.graphs import REQUIRED, GraphError, Graphs
from imaml.store import Bundle

TOLERANCE = 1e-4
TRIES = 3
PARITY_SIZES = ((5, 5), (2, 7), (5, 20), (2, 2))  # (ways, examples), all of them other sizes than the trace's


class ParityError(GraphError):
    """An exported graph that does not compute what torch computes."""


def export(predictor: Predictor, theta: Tensor, optional: Iterable[str] = ()) -> Bundle:
    """Make a bundle of θ [predictor.size], described by its layout and the parity that was found.

    `optional` graphs are `curvature_product`, which Newton-CG needs, and `value_and_gradient_batch`, by which
    a GPU takes the steps of several adaptations at once.

    Raises ParityError where a graph differs from torch by more than 1e-4.
    """
    theta = theta.detach().cpu()
    graphs = dict(onnx_graphs(predictor, (*REQUIRED, *optional)))
    parity = _parity(predictor, theta, graphs)
    if not parity <= TOLERANCE:
        raise ParityError(
            f"The exported graphs differ from torch by {parity:.1e}, more than {TOLERANCE:.0e}; "
            "nothing was stored."
        )
    named = {name: value.numpy() for name, value in predictor.layout.unpack(theta).items()}
    return Bundle({"layout": list(named), "parity": parity}, named, graphs)


def _parity(predictor: Predictor, theta: Tensor, files: Mapping[str, bytes]) -> float:
    """The largest difference between ONNX Runtime and torch over all outputs and several sizes.

    Torch computes in float64. Where an activation is 0 to rounding, a gradient in float32 may fall on the
    other side of a ReLU's kink and differ; on other inputs a right graph does not.
    """
    graphs = Graphs.load(files, threads=1)
    largest = 0.0
    for ways, examples in PARITY_SIZES:
        for name in files:
            made = partial(functions, predictor, theta, ways, examples)
            largest = max(largest, _least_difference(graphs, name, made))
    return largest


def _least_difference(graphs: Graphs, name: str, made: Callable[[int], Mapping[str, Function]]) -> float:
    """Of one graph over several inputs, made by seed, up to the first that is small enough."""
    least = np.inf
    for seed in range(TRIES):
        least = min(least, _difference_of(graphs, name, made(seed)[name]))
        if least <= TOLERANCE:
            break
    return least


def _difference_of(graphs: Graphs, name: str, function: Function) -> float:
    """The largest difference of one graph on one set of inputs."""
    expected: Any = function.call(*(value.double() for value in function.inputs.values()))
    expected = expected if isinstance(expected, tuple) else (expected,)
    ours = graphs.run(name, **{key: value.detach().numpy() for key, value in function.inputs.items()})
    return max(_difference(a, b.detach().numpy()) for a, b in zip(ours, expected, strict=True))


def _difference(ours: NDArray[np.float32], torchs: NDArray[np.float64]) -> float:
    """The largest difference, in units of the largest number where that is above 1.

    Infinite where the shapes differ or anything is not finite.
    """
    if ours.shape != torchs.shape or not np.isfinite(ours).all():
        return np.inf
    return float(np.abs(ours - torchs).max(initial=0.0) / max(1.0, np.abs(torchs).max(initial=0.0)))
