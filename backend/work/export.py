"""An adapted model to take away: a zip that answers with numpy and ONNX Runtime, without this service."""

import io
import json
import zipfile
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imaml.runtime.adaptation import Adapted
from imaml.runtime.inputs import MAX_PIXELS, Drawings, Input, Photos, Vectors
from imaml.runtime.model import MetaModel
from imaml.store import Adaptation, Model, Store, bundles

Weights = dict[str, NDArray[Any]]

# What surrounds the model's own graph, whose names are given this prefix, in ONNX's notation. It calculates
# as imaml.runtime does in `inputs`, `calibration` and `prediction`; type 1 is float, 11 double.
_PREFIX = "predict_"
_FROM_PIXELS = "predict_images = Identity (pixels)"
_FROM_VECTORS = """
    exact = Cast <to = 11> (vectors)
    centred = Sub (exact, mean)
    standardised = Mul (centred, steps)
    predict_images = Cast <to = 1> (standardised)
"""
_TO_CLASSES = """
    probabilities = Identity (predict_probabilities)
    one = Constant <value_ints = [1]> ()
    two = Constant <value_ints = [2]> ()
    rows = Unsqueeze (predict_features, one)
    offsets = Sub (rows, prototypes)
    squares = Mul (offsets, offsets)
    distances = ReduceSum <keepdims = 0> (squares, two)
    nearest = ReduceMin <keepdims = 0> (distances, one)
    exponent = Div (nearest, minus_distance)
    base = Constant <value_float = 2.0> ()
    similarity = Pow (base, exponent)
    compared = Cast <to = 11> (similarity)
    unknown = Less (compared, unknown_threshold)
"""
_TO_NUMBERS = """
    one = Constant <value_ints = [1]> ()
    value = Squeeze (predict_probabilities, one)
"""

_EXAMPLE = '''\
"""Ask the model: python example.py {arguments}; {packages} are all that it needs."""

{json}import sys
from pathlib import Path

import numpy as np
import onnxruntime
{imports}
folder = Path(__file__).parent
session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
names = sys.argv[1:] or sys.exit(__doc__)
{read}
{print}
'''
_READ_IMAGES = """\
files = [Path(name).read_bytes() for name in names]
inputs = {{"pixels": {call}.astype(np.float32) / 255}}"""
_READ_VECTORS = """\
vectors = np.concatenate([np.loadtxt(name, np.float32, delimiter=",", ndmin=2) for name in names])
inputs, names = {"vectors": vectors}, range(1, len(vectors) + 1)"""
_PRINT_CLASSES = {
    "json": "import json\n",
    "print": """\
labels = json.loads((folder / "labels.json").read_text("utf-8"))
for name, row, similarity, unknown in zip(names, *session.run(None, inputs)):
    print(name, labels[row.argmax()], f"{row.max():.4f}", "unknown" if unknown else "known", sep="\\t")""",
}
_PRINT_NUMBERS = {
    "json": "",
    "print": """\
for name, value in zip(names, *session.run(None, inputs)):
    print(name, value, sep="\\t")""",
}


class _Entry(NamedTuple):
    """How what people have becomes the input of the graph."""

    name: str
    nodes: str
    weights: Weights
    preprocessing: str
    example: dict[str, str]
    files: tuple[str, ...] = ()
    """What the example needs of the package imaml."""


def export(store: Store, adaptation: Adaptation, model: Model, meta: MetaModel, adapted: Adapted) -> bytes:
    """Return the zip, the same bytes each time; raises the errors of the store."""
    with store.reading() as transaction:
        bundle = transaction.models.bundle(model)
    predict_graph = bundles.read(bundle).graphs["predict"]  # of which an engine has the session alone
    entry = _entry(meta.input)
    described = {
        "adaptation": adaptation.id,
        "name": adaptation.name,
        "model": f"{model.name}:{model.version}",
        "input": {
            "name": entry.name,
            "kind": meta.input.kind,
            "type": "float32",
            "shape": ["n", *meta.input.shape],
            "preprocessing": entry.preprocessing,
        },
        "unknown_threshold": adaptation.unknown_threshold,
    }
    prints = _PRINT_NUMBERS if meta.regression else _PRINT_CLASSES
    files = {
        "model.onnx": _onnx_file(meta, adapted, adaptation.unknown_threshold, entry, predict_graph),
        "labels.json": _json(adapted.classes),
        "input.json": _json(described),
        "example.py": _EXAMPLE.format(**entry.example, **prints).encode(),
    }
    package = resources.files("imaml")
    files |= {f"imaml/{path}": package.joinpath(path).read_bytes() for path in entry.files}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            file = zipfile.ZipInfo(path)  # of 1980, whenever it is written
            file.external_attr = 0o644 << 16
            archive.writestr(file, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _entry(model_input: Input) -> _Entry:
    match model_input:
        case Drawings():
            return _of_images("preprocessing", "preprocess_many(files)[:, None]")
        case Photos(channels, height, width):
            size = f"{channels}, {height}, {width}, max_pixels={MAX_PIXELS:_}"
            return _of_images("photos", f"preprocess_many(files, {size})")
        case Vectors(mean, scale):
            divisors = np.array(scale)
            steps = np.divide(1, divisors, out=np.zeros_like(divisors), where=divisors > 0)
            return _Entry(
                name="vectors",
                nodes=_FROM_VECTORS,
                weights={"mean": np.array(mean), "steps": steps},
                preprocessing="None: the graph standardises the numbers itself.",
                example={
                    "arguments": "ROWS.csv ...",
                    "packages": "numpy and onnxruntime",
                    "imports": "",
                    "read": _READ_VECTORS,
                },
            )


def _of_images(module: str, call: str) -> _Entry:
    path = f"imaml/runtime/{module}.py"
    return _Entry(
        name="pixels",
        nodes=_FROM_PIXELS,
        weights={},
        preprocessing=f"{call} / 255, as in {path} beside this file; files are the bytes of each.",
        example={
            "arguments": "IMAGE ...",
            "packages": "numpy, pillow and onnxruntime",
            "imports": f"\nfrom imaml.runtime.{module} import preprocess_many\n",
            "read": _READ_IMAGES.format(call=call),
        },
        files=("__init__.py", "runtime/__init__.py", "runtime/decoding.py", f"runtime/{module}.py"),
    )


def _onnx_file(
    meta: MetaModel, adapted: Adapted, unknown_threshold: float | None, entry: _Entry, predict_graph: bytes
) -> bytes:
    """Return one graph from what people have to answers, all else that it is made of as weights inside."""
    # Here and not above: it takes long to import, and few ask.
    import onnx
    from onnx import checker, compose, helper, numpy_helper, parser

    weights: Weights = {
        _PREFIX + "phi": adapted.phi,
        _PREFIX + "moments": adapted.moments,
        _PREFIX + "temperature": np.array([adapted.temperature], np.float32),
        **entry.weights,
    }
    outputs, answer = "float[n] value", _TO_NUMBERS
    if meta.calibration is not None:
        ways = len(adapted.classes)
        outputs, answer = f"float[n, {ways}] probabilities, float[n] similarity, bool[n] unknown", _TO_CLASSES
        weights["prototypes"] = adapted.prototypes
        weights["minus_distance"] = np.array(-meta.calibration.distance, np.float32)
        weights["unknown_threshold"] = np.array(unknown_threshold or 0.0)
    shape = ", ".join(["n", *map(str, meta.input.shape)])
    before = parser.parse_graph(f"before (float[{shape}] {entry.name}) => () {{ {entry.nodes} }}")
    after = parser.parse_graph(f"after () => ({outputs}) {{ {answer} }}")
    predict = onnx.load_model_from_string(predict_graph)
    graph = compose.add_prefix_graph(predict.graph, _PREFIX)
    nodes = [*before.node, *graph.node, *after.node]
    used = {name for node in nodes for name in node.input}  # in regression the temperature is not
    adapted_graph = helper.make_graph(
        nodes,
        "adapted",
        before.input,
        after.output,
        [
            *graph.initializer,
            *(numpy_helper.from_array(weights[name], name) for name in weights if name in used),
        ],
    )
    model = helper.make_model(
        adapted_graph,
        ir_version=predict.ir_version,
        opset_imports=predict.opset_import,
        producer_name="imaml",
    )
    helper.set_model_props(model, {"classes": json.dumps(adapted.classes)})
    checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
