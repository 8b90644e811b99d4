"""A model from outside is tried before it is stored: what would fail in use is refused in one sentence."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from imaml.runtime import examples
from imaml.runtime.graphs import GraphError
from imaml.runtime.verification import verify
from imaml.store import Bundle


def check(bundle: Bundle) -> None:
    verify(bundle.description, bundle.parameters, bundle.graphs, bundle.examples)


def described(bundle: Bundle, **parts: object) -> Bundle:
    return replace(bundle, description={**bundle.description, **parts})


def test_a_sound_model_passes_with_and_without_examples(model_bundle: Bundle) -> None:
    check(model_bundle)
    check(replace(model_bundle, examples=None))


@pytest.mark.parametrize("name", ["newton_bundle", "photo_bundle", "vector_bundle", "regression_bundle"])
def test_sound_models_of_every_kind_pass(request: pytest.FixtureRequest, name: str) -> None:
    check(request.getfixturevalue(name))


def test_a_regressor_that_predicts_no_number_is_refused(regression_bundle: Bundle) -> None:
    infinite = _predicting(
        regression_bundle, helper.make_node("Mul", ["inner", "factor"], ["probabilities"]), factor=[np.inf]
    )
    with pytest.raises(
        GraphError, match="fails to learn numbers: the numbers that it predicts are not finite"
    ):
        check(infinite)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", None), ("dataset", ""), ("dataset", 5), ("architecture", None), ("split", None),
        ("split", {"train": ["a"], "test": ["b"]}), ("split", {"train": 3, "validation": [], "test": []}),
        ("split", {"train": [3], "validation": [], "test": []}), ("split", ["train", "validation", "test"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_it_was_made_from_is_told(model_bundle: Bundle, name: str, value: object) -> None:
    with pytest.raises(GraphError, match=name):
        check(described(model_bundle, **{name: value}))


def test_parameters_that_are_no_numbers_are_refused(model_bundle: Bundle) -> None:
    parameters = {name: np.full_like(value, np.nan) for name, value in model_bundle.parameters.items()}
    with pytest.raises(GraphError, match="fails to learn"):
        check(replace(model_bundle, parameters=parameters))


def test_parameters_that_the_graphs_do_not_take_are_refused(model_bundle: Bundle) -> None:
    name = model_bundle.description["layout"][0]
    parameters = {**model_bundle.parameters, name: model_bundle.parameters[name][1:]}
    with pytest.raises(GraphError, match="fails to learn") as error:
        check(replace(model_bundle, parameters=parameters))
    assert "\n" not in str(error.value)


def _predicting(bundle: Bundle, *nodes: onnx.NodeProto, **weights: list[float]) -> Bundle:
    """The bundle whose graph `predict` ends in these nodes, from `inner` to `probabilities`."""
    model = onnx.load_from_string(bundle.graphs["predict"])
    for node in model.graph.node:
        node.output[:] = ["inner" if name == "probabilities" else name for name in node.output]
    model.graph.node.extend(nodes)
    for name, values in weights.items():
        kind = onnx.TensorProto.FLOAT if name == "factor" else onnx.TensorProto.INT64
        model.graph.initializer.append(helper.make_tensor(name, kind, [len(values)], values))
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return replace(bundle, graphs={**bundle.graphs, "predict": model.SerializeToString()})


def test_a_graph_that_predicts_something_else_is_refused(model_bundle: Bundle) -> None:
    doubled = _predicting(
        model_bundle, helper.make_node("Mul", ["inner", "factor"], ["probabilities"]), factor=[2]
    )
    with pytest.raises(GraphError, match="do not add up to 1"):
        check(doubled)
    flat = _predicting(
        model_bundle, helper.make_node("Reshape", ["inner", "shape"], ["probabilities"]), shape=[-1]
    )
    with pytest.raises(GraphError, match=r"for 5 examples it predicts \(10,\)"):
        check(flat)
    for_two_classes = _predicting(
        model_bundle, helper.make_node("Reshape", ["inner", "shape"], ["probabilities"]), shape=[-1, 2]
    )
    with pytest.raises(GraphError, match="fails to learn 3 classes"):
        check(for_two_classes)


def test_a_graph_whose_features_are_no_numbers_is_refused(model_bundle: Bundle) -> None:
    """They decide what is unknown."""
    model = onnx.load_from_string(model_bundle.graphs["predict"])
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["inner" if name == "features" else name for name in names]
    model.graph.node.append(helper.make_node("Mul", ["inner", "nothing"], ["features"]))
    model.graph.initializer.append(helper.make_tensor("nothing", onnx.TensorProto.FLOAT, [1], [np.nan]))
    graphs = {**model_bundle.graphs, "predict": model.SerializeToString()}
    with pytest.raises(GraphError, match="the features that it makes of examples are not finite"):
        check(replace(model_bundle, graphs=graphs))


def archive(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as target:
        for path, content in files.items():
            target.writestr(path, content)
    return buffer.getvalue()


@pytest.fixture
def png(model_bundle: Bundle) -> bytes:
    """One image."""
    assert model_bundle.examples is not None
    with zipfile.ZipFile(io.BytesIO(model_bundle.examples)) as files:
        return files.read(files.namelist()[0])


def _encrypted(good: bytes) -> bytes:
    """The archive whose entries claim to be encrypted, in their own headers and in the directory."""
    flag = bytes([good[6] | 1])
    directory = good.index(b"PK\1\2")
    return good[:6] + flag + good[7 : directory + 8] + flag + good[directory + 9 :]


def _damaged(good: bytes) -> bytes:
    """The archive whose first compressed bytes are no deflate stream."""
    start = good.index(b".png") + 4
    return good[:start] + b"\xff" * 8 + good[start + 8 :]


def _huge() -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (2048, 1024)).save(buffer, "PNG")
    return buffer.getvalue()


BOMB = bytes(examples.MAX_BYTES + 1)
ARCHIVES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no zip": (lambda _: b"no zip", "no sound zip"),
    "empty": (lambda _: archive({}), "0 files"),
    "no image": (lambda _: archive({"a/1.png": b"text"}), "no sound zip"),
    "no class": (lambda png: archive({"1.png": png}), "CLASS/NN.png"),
    "too deep": (lambda png: archive({"a/b/1.png": png}), "CLASS/NN.png"),
    "blank class": (lambda png: archive({" /1.png": png}), "CLASS/NN.png"),
    "unprintable class": (lambda png: archive({"\a/1.png": png}), "CLASS/NN.png"),
    "encrypted": (lambda png: _encrypted(archive({"a/1.png": png})), "encrypted"),
    "unknown packing": (lambda png: archive({"a/1.png": png}, zipfile.ZIP_LZMA), "other than deflate"),
    "damaged": (lambda png: _damaged(archive({"a/1.png": png}, zipfile.ZIP_DEFLATED)), "no sound zip"),
    "cut short": (lambda png: archive({"a/1.png": png})[:-30], "no sound zip"),
    "bomb": (lambda _: archive({"a/1.png": BOMB}, zipfile.ZIP_DEFLATED), "bytes at most"),
    "too many": (lambda _: archive({f"a/{n}.png": b"" for n in range(2001)}), "2001 files"),
    "too large": (lambda _: archive({"a/1.png": _huge()}), "2048 x 1024 pixels"),
    "twice": (lambda png: archive({"a/1.png": png, "a/2.png": png}).replace(b"a/2", b"a/1"), "twice"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), ARCHIVES.values(), ids=ARCHIVES)
def test_examples_that_could_not_be_shown_are_refused(
    model_bundle: Bundle, png: bytes, spoil: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(GraphError, match=f"examples.*{message}"):
        check(replace(model_bundle, examples=spoil(png)))


VECTORS: dict[str, tuple[dict[str, bytes], str]] = {
    "images": ({"a/1.png": b"[1, 2, 3, 4]"}, "CLASS/NN.json"),
    "no JSON": ({"a/1.json": b"1, 2, 3, 4"}, "no sound zip of vectors"),
    "no list": ({"a/1.json": b'{"a": 1}'}, "no list of numbers"),
    "text": ({"a/1.json": b'[1, 2, 3, "4"]'}, "no list of numbers"),
    "truth": ({"a/1.json": b"[1, 2, 3, true]"}, "no list of numbers"),
    "too short": ({"a/1.json": b"[1, 2, 3]"}, "not of 4 finite numbers"),
    "NaN": ({"a/1.json": b"[1, 2, 3, NaN]"}, "not of 4 finite numbers"),
    "too large": ({"a/1.json": b"[1, 2, 3, 1e39]"}, "not of 4 finite numbers"),
    "far too large": ({"a/1.json": b"[1, 2, 3, 1" + b"0" * 400 + b"]"}, "no sound zip of vectors"),
    "deep": ({"a/1.json": b"[" * 100_000}, "no sound zip of vectors"),
}


@pytest.mark.parametrize(("files", "message"), VECTORS.values(), ids=VECTORS)
def test_examples_that_are_no_vectors_of_the_model_are_refused(
    vector_bundle: Bundle, files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(GraphError, match=f"examples.*{message}"):
        check(replace(vector_bundle, examples=archive(files)))


def test_images_and_vectors_are_not_taken_for_each_other(model_bundle: Bundle, vector_bundle: Bundle) -> None:
    with pytest.raises(GraphError, match=r"CLASS/NN\.png"):
        check(replace(model_bundle, examples=vector_bundle.examples))
