"""Graphs from outside: run if they are plain ONNX, refused in one sentence otherwise."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import AttributeProto, SparseTensorProto, TensorProto, helper

from imaml.runtime.graphs import GraphError, Graphs
from imaml.store import Bundle


def spoiled(bundle: Bundle, graph: bytes) -> dict[str, bytes]:
    return {**bundle.graphs, "predict": graph}


def changed(bundle: Bundle) -> onnx.ModelProto:
    return onnx.load_from_string(bundle.graphs["predict"])


def test_weights_in_other_files_are_refused(model_bundle: Bundle) -> None:
    model = changed(model_bundle)
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    model.graph.initializer.append(tensor)
    external = model.graph.initializer[-1]
    external.ClearField("float_data")
    external.data_location = TensorProto.EXTERNAL
    entry = external.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    with pytest.raises(GraphError, match="'predict' keeps weights in other files"):
        Graphs.load(spoiled(model_bundle, model.SerializeToString()), threads=1)


def test_weights_in_other_files_are_refused_in_attributes_and_subgraphs_too(model_bundle: Bundle) -> None:
    tensor = TensorProto(dims=[1], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    inner = helper.make_graph([], "inner", [], [], initializer=[tensor])
    for attribute in ({"value": tensor}, {"then_branch": inner}):
        model = changed(model_bundle)
        model.graph.node.append(helper.make_node("Constant", [], ["unused"], **attribute))
        with pytest.raises(GraphError, match="keeps weights in other files"):
            Graphs.load(spoiled(model_bundle, model.SerializeToString()), threads=1)


def test_sparse_weights_which_could_lie_in_other_files_are_refused(model_bundle: Bundle) -> None:
    values = TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    values.external_data.add(key="location", value="/etc/passwd")
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    sparse = SparseTensorProto(values=values, indices=indices, dims=[4])
    in_graph, in_attribute, in_attributes = (changed(model_bundle) for _ in range(3))
    in_graph.graph.sparse_initializer.append(sparse)
    node = helper.make_node("Constant", [], ["unused"], sparse_value=sparse)
    in_attribute.graph.node.append(node)
    several = AttributeProto(name="a", type=AttributeProto.SPARSE_TENSORS, sparse_tensors=[sparse])
    in_attributes.graph.node.add(op_type="Constant", output=["unused"], attribute=[several])
    for model in (in_graph, in_attribute, in_attributes):
        with pytest.raises(GraphError, match="'predict' holds sparse weights"):
            Graphs.load(spoiled(model_bundle, model.SerializeToString()), threads=1)


@pytest.mark.parametrize("domain", ["com.microsoft", "evil.example"])
def test_custom_operators_are_refused(model_bundle: Bundle, domain: str) -> None:
    by_opset = changed(model_bundle)
    by_opset.opset_import.append(helper.make_opsetid(domain, 1))
    by_node = changed(model_bundle)
    by_node.graph.node.append(helper.make_node("Anything", [], ["unused"], domain=domain))
    for model in (by_opset, by_node):
        with pytest.raises(GraphError, match="'predict' uses custom operators"):
            Graphs.load(spoiled(model_bundle, model.SerializeToString()), threads=1)


@pytest.mark.parametrize("damage", [b"not onnx at all", b"\x3a\xff\xff\xff\xff\x0f", b""])
def test_what_is_no_onnx_is_refused(model_bundle: Bundle, damage: bytes) -> None:
    with pytest.raises(GraphError, match="'predict'"):
        Graphs.load(spoiled(model_bundle, damage), threads=1)


def test_a_truncated_graph_is_refused(model_bundle: Bundle) -> None:
    whole = model_bundle.graphs["predict"]
    for size in np.linspace(1, len(whole) - 1, 20, dtype=int):
        with pytest.raises(GraphError):
            Graphs.load(spoiled(model_bundle, whole[:size]), threads=1)


@pytest.mark.parametrize("key", [b"\xba\x80\x80\x80\x10", b"\x02"], ids=["wide", "zero"])
def test_a_field_that_other_readers_read_otherwise_is_refused(model_bundle: Bundle, key: bytes) -> None:
    """ONNX Runtime drops a key's upper bits, and what we took for an unknown field was its graph."""
    whole = model_bundle.graphs["predict"]
    graph = changed(model_bundle).graph.SerializeToString()
    size, length = len(graph), b""
    while size:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
    assert whole.count(b"\x3a" + length + graph) == 1
    hidden = whole.replace(b"\x3a" + length + graph, key + length + graph)
    with pytest.raises(GraphError, match="'predict' is not an ONNX file"):
        Graphs.load(spoiled(model_bundle, hidden), threads=1)


def test_a_file_that_is_onnx_to_us_and_another_format_to_onnx_runtime_is_refused(
    model_bundle: Bundle, tmp_path: Path
) -> None:
    """ONNX Runtime has a format of its own, known by its bytes 4 to 8, in which nothing would be checked."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "predict.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(model_bundle.graphs["predict"], options, providers=["CPUExecutionProvider"])
    plain = (tmp_path / "predict.ort").read_bytes()
    # The address of its root is also a small number field and the start of a field that hides the format's
    # mark; room is made so that the root lies there, and another field hides all that follows.
    root = b"\x08\x01\x0a\x01"
    room = bytearray(int.from_bytes(root, "little") - int.from_bytes(plain[:4], "little"))
    hidden = len(room) + len(plain) - 96
    length = bytes(
        [hidden & 0x7F | 0x80, hidden >> 7 & 0x7F | 0x80, hidden >> 14 & 0x7F | 0x80, hidden >> 21]
    )
    room[83:88] = b"\x12" + length
    both = root + plain[4:8] + bytes(room) + plain[8:]
    with pytest.raises(GraphError, match="'predict' cannot be loaded"):
        Graphs.load(spoiled(model_bundle, both), threads=1)


def test_a_graph_in_the_place_of_another_is_refused(model_bundle: Bundle) -> None:
    for name in model_bundle.graphs:
        for other in model_bundle.graphs.keys() - {name}:
            swapped = {**model_bundle.graphs, name: model_bundle.graphs[other]}
            with pytest.raises(GraphError, match=f"'{name}' must take"):
                Graphs.load(swapped, threads=1)


def test_a_graph_over_other_numbers_is_refused(model_bundle: Bundle) -> None:
    model = changed(model_bundle)
    [images] = [value for value in model.graph.input if value.name == "images"]
    images.type.tensor_type.elem_type = TensorProto.DOUBLE
    cast = helper.make_node("Cast", ["images"], ["as float"], to=TensorProto.FLOAT)
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "images":
                node.input[index] = "as float"
    model.graph.node.insert(0, cast)
    with pytest.raises(GraphError, match="float32 numbers alone"):
        Graphs.load(spoiled(model_bundle, model.SerializeToString()), threads=1)


def test_a_missing_graph_is_named(model_bundle: Bundle) -> None:
    graphs = {name: graph for name, graph in model_bundle.graphs.items() if name != "centre"}
    with pytest.raises(GraphError, match="no graph 'centre'"):
        Graphs.load(graphs, threads=1)
