"""Graphs from outside: run if they are plain ONNX, refused in one sentence otherwise."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from imaml.runtime.graphs import GraphError, Graphs
from imaml.runtime.model import MetaModel
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


def test_a_missing_graph_is_named(model_bundle: Bundle) -> None:
    graphs = {name: graph for name, graph in model_bundle.graphs.items() if name != "centre"}
    with pytest.raises(GraphError, match="no graph 'centre'"):
        Graphs.load(graphs, threads=1)


def test_a_description_that_lacks_something_is_refused_by_its_name(model_bundle: Bundle) -> None:
    for name in ("recipe", "ways", "thresholds", "layout", "input"):
        description = {key: value for key, value in model_bundle.description.items() if key != name}
        with pytest.raises(GraphError, match=name):
            MetaModel.load(description, model_bundle.parameters, model_bundle.graphs, threads=1)


def test_another_preprocessing_is_refused(model_bundle: Bundle) -> None:
    description = {
        **model_bundle.description,
        "input": {**model_bundle.description["input"], "preprocessing": 0},
    }
    with pytest.raises(GraphError, match="preprocessing 0"):
        MetaModel.load(description, model_bundle.parameters, model_bundle.graphs, threads=1)
