"""Export of a trained θ: its graphs, compared with torch before anything is stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imaml.export.graphs import Function, functions, onnx_graphs
from imaml.nets.predictor import Predictor
from imaml.runtime.graphs import GraphError, Graphs
from imaml.store import Bundle

TOLERANCE = 1e-4
PARITY_SIZES = ((5, 5), (2, 7), (5, 20), (2, 2))  # (ways, examples), all of them other sizes than the trace's


class ParityError(GraphError):
    """An exported graph that does not compute what torch computes."""


def export(predictor: Predictor, theta: Tensor, description: dict[str, Any]) -> Bundle:
    """Make a bundle of θ [predictor.size]; the description gets the layout and the parity that was found.

    Raises ParityError where a graph differs from torch by more than 1e-4.
    """
    theta = theta.detach().cpu()
    curvature = description.get("recipe", {}).get("solver") == "newton_cg"
    graphs = dict(onnx_graphs(predictor, curvature))
    parity = _parity(predictor, theta, graphs)
    if not parity <= TOLERANCE:
        raise ParityError(
            f"The exported graphs differ from torch by {parity:.1e}, more than {TOLERANCE:.0e}; "
            "nothing was stored."
        )
    named = {name: value.numpy() for name, value in predictor.layout.unpack(theta).items()}
    return Bundle({**description, "layout": list(named), "parity": parity}, named, graphs)


def _parity(predictor: Predictor, theta: Tensor, files: Mapping[str, bytes]) -> float:
    """The largest difference between ONNX Runtime and torch over all outputs and several sizes."""
    graphs = Graphs.load(files, threads=1)
    largest = 0.0
    for ways, examples in PARITY_SIZES:
        exported = functions(predictor, theta, ways, examples)
        for name in files:
            function = exported[name]
            inputs = {key: value.detach().numpy() for key, value in function.inputs.items()}
            run = getattr(graphs, name)
            for ours, torchs in zip(_tuple(run(**inputs)), _tuple(_call(function)), strict=True):
                largest = max(largest, _difference(np.asarray(ours), torchs.detach().numpy()))
    return largest


def _difference(ours: NDArray[np.float32], torchs: NDArray[np.float32]) -> float:
    """The largest difference, infinite where the shapes differ or anything is not finite."""
    if ours.shape != torchs.shape or not np.isfinite(ours).all():
        return np.inf
    return float(np.abs(ours - torchs).max(initial=0.0))


def _call(function: Function) -> Any:
    return function.call(*function.inputs.values())


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
