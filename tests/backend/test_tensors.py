"""Tensors on the wire: what is written is read again, and what is malformed is a problem."""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.messages import tensors
from backend.messages.protocol import InputTensor, OutputTensor
from backend.problems import Problem

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=6)
SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=4)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=10,
)


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[Any]:
    if draw(st.booleans()):
        return np.array(draw(TEXTS), object)
    shape = draw(SHAPES)
    dtype = draw(st.sampled_from([np.float32, np.bool_]))
    return np.random.default_rng(draw(st.integers(0, 99))).normal(0, 1, shape).astype(dtype)


def body(written: list[tuple[OutputTensor, bytes]]) -> tuple[bytes, int]:
    """A request whose inputs are what was written."""
    head = json.dumps({"inputs": [tensor.model_dump(exclude_none=True) for tensor, _ in written]}).encode()
    return head + b"".join(content for _, content in written), len(head)


def attempt(read: Callable[..., Any], *args: object) -> Any:
    """What is read, or the problem."""
    try:
        return read(*args)
    except Problem as problem:
        return problem


def texts(array: NDArray[Any]) -> list[Any]:
    return [item.decode() if isinstance(item, bytes) else item for item in array.ravel()]


@given(st.lists(st.tuples(arrays(), st.booleans()), min_size=1, max_size=3))
def test_what_is_written_is_read_again(sent: list[tuple[NDArray[Any], bool]]) -> None:
    written = [tensors.write(f"{n}", array, binary=binary) for n, (array, binary) in enumerate(sent)]
    _, inputs = tensors.read_request(*body(written))
    for (array, binary), found in zip(sent, inputs, strict=True):
        assert (found.binary is not None) == binary
        again = tensors.read(found)
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
        assert texts(again) == texts(array)


@given(arrays(), st.integers(1, 40))
def test_truncated_binary_data_is_a_problem(array: NDArray[Any], missing: int) -> None:
    tensor, content = tensors.write("x", array, binary=True)
    whole, json_length = body([(tensor, content)])
    with pytest.raises(Problem) as error:
        tensors.read_request(whole[:-missing], json_length)
    assert error.value.status_code == 400
    if content:
        declared = InputTensor(name="x", shape=tensor.shape, datatype=tensor.datatype)
        with pytest.raises(Problem, match="The input 'x'"):
            tensors.read(tensors.Input(declared, memoryview(content[:-missing])))


@given(st.binary(max_size=60), st.none() | st.integers(0, 70))
@example(b'{"inputs": []}', None)
@example(b'{"inputs": []}', 14)
def test_any_bytes_are_a_request_or_a_problem(content: bytes, json_length: int | None) -> None:
    found = attempt(tensors.read_request, content, json_length)
    assert not isinstance(found, Problem) or found.status_code in (400, 422)


@given(
    st.sampled_from(["BOOL", "BYTES", "FP32", "FP64", "INT8"]),
    SHAPES,
    st.one_of(st.binary(max_size=64), st.lists(DATA, max_size=5)),
)
@example("BYTES", [1], struct.pack("<I", 2**32 - 1) + b"x")
@example("BYTES", [2], bytes(5))
@example("BYTES", [0], bytes(4))
@example("FP32", [1], [10**400])
@example("FP32", [1], [1e300])
@example("FP32", [1, 1], [[[1.0]]])
@example("FP64", [3, 0], [])
@example("FP64", [3, 0], [[], [], []])
@example("FP32", [0], b"")
def test_any_data_is_a_tensor_of_its_shape_or_a_problem(
    datatype: str, shape: list[int], data: bytes | list[Any]
) -> None:
    binary = memoryview(data) if isinstance(data, bytes) else None
    declared = InputTensor(
        name="x", shape=shape, datatype=datatype, data=data if isinstance(data, list) else None
    )
    found = attempt(tensors.read, tensors.Input(declared, binary))
    if isinstance(found, Problem):
        assert found.status_code == 400
        assert "The input 'x'" in found.detail
    else:
        assert list(found.shape) == shape
        assert found.dtype.kind == {"BOOL": "b", "BYTES": "O"}.get(datatype, "f")
