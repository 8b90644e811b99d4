"""Tensors as the Open Inference Protocol sends them: in JSON, or as binary data after it."""

import struct
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from backend import problems
from backend.messages.protocol import (
    Datatype,
    InferenceRequest,
    InferenceResponse,
    InputTensor,
    OutputTensor,
    ResponseParameters,
)
from backend.problems import Problem


class _Kind(NamedTuple):
    """How the elements of a datatype are kept, in memory and in JSON."""

    dtype: np.dtype[Any]
    types: set[type]
    noun: str


_KINDS: dict[str, _Kind] = {
    "BOOL": _Kind(np.dtype("?"), {bool}, "booleans"),
    "BYTES": _Kind(np.dtype(object), {str}, "strings"),
    "FP32": _Kind(np.dtype("<f4"), {int, float}, "numbers"),
    "FP64": _Kind(np.dtype("<f8"), {int, float}, "numbers"),
}
_DATATYPES: dict[str, Datatype] = {"b": "BOOL", "O": "BYTES", "f": "FP32"}
_LENGTH = struct.Struct("<I")


class Input(NamedTuple):
    """A tensor as it came."""

    declared: InputTensor
    binary: memoryview | None
    """What came of it after the JSON, if anything did."""


def read_request(content: bytes, json_length: int | None) -> tuple[InferenceRequest, list[Input]]:
    """Return what a body asks for and its inputs, of which the binary ones lie after the JSON."""
    end = len(content) if json_length is None else json_length
    if end > len(content):
        raise malformed(f"Inference-Header-Content-Length is {end}, but the body has {len(content)} bytes.")
    problems.check_json(content[:end])
    try:
        request = InferenceRequest.model_validate_json(content[:end])
    except ValidationError as error:
        raise problems.invalid(error) from error
    rest = memoryview(content)[end:]
    inputs: list[Input] = []
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size
        if size is None:
            inputs.append(Input(tensor, None))
            continue
        if size > len(rest):
            raise _wrong(tensor, f"has a binary_data_size of {size}, but {len(rest)} bytes are left")
        inputs.append(Input(tensor, rest[:size]))
        rest = rest[size:]
    if rest:
        raise malformed(f"{len(rest)} bytes at the end of the body belong to no input's binary_data_size.")
    return request, inputs


def read(sent: Input) -> NDArray[Any]:
    """Return a tensor in its shape; the elements of BYTES are bytes where they came as such, else texts."""
    tensor, binary = sent
    kind = _KINDS.get(tensor.datatype)
    if kind is None:
        raise _wrong(tensor, f"is {tensor.datatype[:100]!r}; it must be one of {', '.join(_KINDS)}")
    if (binary is None) == (tensor.data is None):
        raise _wrong(tensor, "must have either data or a binary_data_size")
    count = prod(tensor.shape)
    elements = (
        _from_json(tensor, kind, count) if binary is None else _from_binary(tensor, kind, count, binary)
    )
    return elements.reshape(tensor.shape)


def write(name: str, array: NDArray[Any], *, binary: bool) -> tuple[OutputTensor, bytes]:
    """Return a tensor of booleans, texts or 32-bit numbers, and the bytes of it that come after the JSON."""
    tensor = OutputTensor(name=name, datatype=_DATATYPES[array.dtype.kind], shape=list(array.shape))
    if not binary:
        tensor.data = array.ravel().tolist()
        return tensor, b""
    if tensor.datatype == "BYTES":
        texts = [text.encode() for text in array.ravel()]
        content = b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    else:
        content = array.astype(_KINDS[tensor.datatype].dtype).tobytes()
    tensor.parameters = ResponseParameters(binary_data_size=len(content))
    return tensor, content


def write_response(
    model: str, version: str, request_id: str | None, outputs: Sequence[tuple[OutputTensor, bytes]]
) -> tuple[bytes, int | None]:
    """Return the body with the outputs that were written, and where its JSON ends if others follow it."""
    response = InferenceResponse(
        model_name=model, model_version=version, id=request_id, outputs=[tensor for tensor, _ in outputs]
    )
    content = response.model_dump_json(exclude_none=True).encode()
    if all(tensor.parameters is None for tensor, _ in outputs):
        return content, None
    return b"".join([content, *(binary for _, binary in outputs)]), len(content)


def malformed(detail: str) -> Problem:
    """Return the problem for a request whose form is not the protocol's."""
    return Problem(400, "malformed-request", detail)


def _wrong(tensor: InputTensor, what: str) -> Problem:
    return malformed(f"The input {tensor.name[:100]!r} {what}.")


def _from_json(tensor: InputTensor, kind: _Kind, count: int) -> NDArray[Any]:
    data: Sequence[Any] = tensor.data or []
    for size in tensor.shape[1:]:
        if not any(isinstance(item, list) for item in data):
            break
        if not all(isinstance(item, list) and len(item) == size for item in data):
            raise _wrong(tensor, f"has data neither flat nor nested as its shape {tensor.shape} says")
        data = [item for row in data for item in row]
    if len(data) != count:
        raise _wrong(tensor, f"has {len(data)} elements; its shape {tensor.shape} has {count}")
    if not {type(item) for item in data} <= kind.types:
        raise _wrong(tensor, f"has data of another kind than {kind.noun}, as {tensor.datatype} must be")
    if float not in kind.types:
        return np.array(data, kind.dtype)
    try:
        with np.errstate(over="ignore"):  # what is infinite is for those to refuse who need it finite
            return np.array(data, np.float64).astype(kind.dtype)
    except OverflowError as error:
        raise _wrong(tensor, "has a whole number that is too large") from error


def _from_binary(tensor: InputTensor, kind: _Kind, count: int, binary: memoryview) -> NDArray[Any]:
    if tensor.datatype == "BYTES":
        return np.array(list(_strings(tensor, count, binary)), object)
    size = count * kind.dtype.itemsize
    if len(binary) != size:
        what = f"{tensor.datatype} of shape {tensor.shape} has {size}"
        raise _wrong(tensor, f"has {len(binary)} bytes of binary data; {what}")
    return np.frombuffer(binary, kind.dtype)


def _strings(tensor: InputTensor, count: int, binary: memoryview) -> Iterator[bytes]:
    """Yield elements, each of which comes after its length in 4 bytes."""
    at = 0
    for _ in range(count):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(binary, at)[0] if start <= len(binary) else start
        if at > len(binary):
            raise _wrong(tensor, f"has binary data that ends before its {count} elements do")
        yield bytes(binary[start:at])
    if at < len(binary):
        raise _wrong(tensor, f"has binary data left after its {count} elements")
