"""A model's ONNX graphs as ONNX Runtime sessions; their parameters are inputs, so one set serves all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Array = NDArray[np.float32]

_SIGNATURES = {
    "centre": (("theta", "images", "targets"), ("centre",)),
    "value_and_gradient": (("phi", "images", "targets"), ("loss", "gradient", "logits", "moments")),
    "predict": (("phi", "moments", "images"), ("probabilities",)),
    "curvature_product": (("phi", "images", "targets", "p"), ("product",)),
}
"""Inputs and outputs of each graph, all of them float32."""

_OPTIONAL = "curvature_product"
"""What few recipes need, and few models have."""

_PROVIDERS = ["CPUExecutionProvider"]

# Its wheels report what they run to their maker unless they are told not to.
ort.disable_telemetry_events()


class GraphError(ValueError):
    """A model, or a part of one, that cannot be used here; the message is for whoever brought it."""


@dataclass(frozen=True)
class Graphs:
    """The functions of a model. θ and φ are flat vectors.

    `images` are what the model's input makes of examples, images [n, channels, height, width] or vectors
    [n, length]. Targets are weighted one-hot rows [n, ways] that sum to 1 over the support set, in regression
    numbers [n, 1].
    """

    _centre: ort.InferenceSession
    _value_and_gradient: ort.InferenceSession
    _predict: ort.InferenceSession
    _curvature_product: ort.InferenceSession | None = None

    @classmethod
    def load(cls, files: Mapping[str, bytes], threads: int) -> "Graphs":
        """Make the sessions, each with that many threads.

        Raises GraphError for a graph that is missing, is not ONNX, has its weights in other files, uses
        operators that are not ONNX's own or is another function.
        """
        names = [name for name in _SIGNATURES if name != _OPTIONAL or name in files]
        for name in names:
            if name not in files:
                raise GraphError(f"The model has no graph {name!r}; export it again.")
            _check_portable(name, files[name])
        return cls(*(_session(name, files[name], threads) for name in names))

    @property
    def has_curvature(self) -> bool:
        """Whether there is a `curvature_product`."""
        return self._curvature_product is not None

    def centre(self, theta: Array, images: Array, targets: Array) -> Array:
        """The centre of the proximal term, a φ."""
        (centre,) = _run(self._centre, theta=theta, images=images, targets=targets)
        return centre

    def value_and_gradient(
        self, phi: Array, images: Array, targets: Array
    ) -> tuple[float, Array, Array, Array]:
        """L(φ), ∇L(φ), the support's logits [n, ways] and its moments."""
        loss, gradient, logits, moments = _run(
            self._value_and_gradient, phi=phi, images=images, targets=targets
        )
        return float(loss) + 0.0, gradient, logits, moments  # not -0.0, where nothing is lost

    def predict(self, phi: Array, moments: Array, images: Array) -> Array:
        """Probabilities [n, ways], in regression numbers [n, 1], each of φ, the moments and that one row."""
        (probabilities,) = _run(self._predict, phi=phi, moments=moments, images=images)
        return probabilities

    def curvature_product(self, phi: Array, images: Array, targets: Array, p: Array) -> Array:
        """The Hessian of L at φ times p [size], where `has_curvature`."""
        assert self._curvature_product is not None
        (product,) = _run(self._curvature_product, phi=phi, images=images, targets=targets, p=p)
        return product


def _run(session: ort.InferenceSession, **inputs: Array) -> list[Array]:
    return cast(list[Array], session.run(None, inputs))


def _session(name: str, graph: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads must not spin: other adaptations need the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # It would guess the format from the content, and only this one has been checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = ort.InferenceSession(graph, options, providers=_PROVIDERS)
    except Exception as error:  # ONNX Runtime raises many types, none of them public
        reason = f"{error}".partition("\n")[0]
        raise GraphError(f"The graph {name!r} cannot be loaded: {reason}") from error
    _check_signature(name, session)
    return session


def _check_signature(name: str, session: ort.InferenceSession) -> None:
    inputs, outputs = _SIGNATURES[name]
    arguments, results = session.get_inputs(), session.get_outputs()
    if {argument.name for argument in arguments} != {*inputs} or [*outputs] != [r.name for r in results]:
        raise GraphError(
            f"The graph {name!r} must take {', '.join(inputs)} and give {', '.join(outputs)}; "
            "it is another function."
        )
    if any(argument.type != "tensor(float)" for argument in (*arguments, *results)):
        raise GraphError(f"The graph {name!r} must take and give float32 numbers alone.")


# What is looked for lies in few places of the file (field numbers of onnx.proto), and the whole package that
# reads ONNX files is larger than the service.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTIONS = 7, 8, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_DOMAIN = 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE = (22, 23)
_TENSOR_EXTERNAL = (13, 14)
_OPSET_DOMAIN = 1
_OWN_DOMAINS = (b"", b"ai.onnx")


def _check_portable(name: str, graph: bytes) -> None:
    """Refuse weights in other files, which could be any file here, and operators from elsewhere."""
    try:
        for field, value in _fields(graph):
            if field == _MODEL_GRAPH:
                _check_graph(name, value)
            elif field == _MODEL_FUNCTIONS or (field == _MODEL_OPSET and _foreign(value, _OPSET_DOMAIN)):
                raise GraphError(f"The graph {name!r} uses custom operators; only ONNX's own are run.")
    except (IndexError, RecursionError) as error:
        raise GraphError(f"The graph {name!r} is not an ONNX file.") from error


def _check_graph(name: str, graph: bytes) -> None:
    for field, value in _fields(graph):
        if field == _GRAPH_INITIALIZER:
            _check_tensor(name, value)
        elif field == _GRAPH_SPARSE:
            raise _sparse(name)
        elif field == _GRAPH_NODE:
            if _foreign(value, _NODE_DOMAIN):
                raise GraphError(f"The graph {name!r} uses custom operators; only ONNX's own are run.")
            for node_field, attribute in _fields(value):
                if node_field == _NODE_ATTRIBUTE:
                    _check_attribute(name, attribute)


def _check_attribute(name: str, attribute: bytes) -> None:
    for field, value in _fields(attribute):
        if field in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            _check_tensor(name, value)
        elif field in _ATTRIBUTE_SPARSE:
            raise _sparse(name)
        elif field in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            _check_graph(name, value)


def _check_tensor(name: str, tensor: bytes) -> None:
    if any(field in _TENSOR_EXTERNAL and value for field, value in _fields(tensor)):
        raise GraphError(f"The graph {name!r} keeps weights in other files; put them inside.")


def _sparse(name: str) -> GraphError:
    return GraphError(f"The graph {name!r} holds sparse weights; store them as plain ones.")


def _foreign(message: bytes, field: int) -> bool:
    return any(number == field and value not in _OWN_DOMAINS for number, value in _fields(message))


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Field numbers and contents of a protobuf message; IndexError where it is none."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        # ONNX Runtime's reader drops the bits beyond these, and would see another field than we do.
        if not 0 < key >> 3 < 2**29:
            raise IndexError("no such field")
        kind = key & 7
        if kind == 0:
            number, end = _varint(message, position)
            yield key >> 3, number.to_bytes(10, "little").rstrip(b"\0")
        else:
            if kind == 2:
                size, position = _varint(message, position)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise IndexError("no such kind of field")
            end = position + size
            if end > len(message):
                raise IndexError("a field is longer than its message")
            yield key >> 3, message[position:end]
        position = end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position
        if shift > 63:
            raise IndexError("a number is too long")
