"""What an ONNX file from anywhere may hold: plain operators, and its weights inside."""

from collections.abc import Iterator


class GraphError(ValueError):
    """A model, or a part of one, that cannot be used here; the message is for whoever brought it."""


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


def check_portable(name: str, graph: bytes) -> None:
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
