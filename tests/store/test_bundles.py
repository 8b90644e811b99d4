"""A bundle comes back exactly as it was written, or not at all."""

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from imaml.store import Bundle, BundleError, bundles

Files = dict[str, bytes]


def assert_same(left: Bundle, right: Bundle) -> None:
    """Compare two bundles with their arrays."""
    assert (left.description, left.graphs, left.examples) == (right.description, right.graphs, right.examples)
    assert left.parameters.keys() == right.parameters.keys()
    for name, value in left.parameters.items():
        np.testing.assert_array_equal(value, right.parameters[name], strict=True)


def unpack(data: bytes) -> Files:
    """Return the files of a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def list_again(files: Files, **changes: int) -> None:
    """Bring the list in model.json up to date with the files, as somebody who forges a bundle would."""
    description = json.loads(files["model.json"])
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if path != "model.json"}
    files["model.json"] = json.dumps({**description, "files": hashes, **changes}).encode()


def test_a_bundle_comes_back_as_it_was_written(bundle: Bundle) -> None:
    assert_same(bundles.read(bundles.write(bundle)), bundle)
    bare = Bundle(bundle.description, bundle.parameters, graphs={})
    assert_same(bundles.read(bundles.write(bare)), bare)


def test_arrays_of_any_layout_come_back(bundle: Bundle) -> None:
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    arrays = {
        "turned": image.transpose(2, 0, 1),
        "skipped": image[:, ::2],
        "one": np.array(3, dtype=np.float32),
    }
    loaded = bundles.read(bundles.write(Bundle({}, arrays, {}))).parameters
    for name, value in arrays.items():
        np.testing.assert_array_equal(loaded[name], value, strict=True)


def test_the_same_bundle_is_the_same_file(bundle: Bundle) -> None:
    turned = Bundle(
        dict(reversed(bundle.description.items())),
        dict(reversed(bundle.parameters.items())),
        dict(reversed(bundle.graphs.items())),
        bundle.examples,
    )
    assert bundles.write(turned) == bundles.write(bundle)


def test_model_json_tells_format_and_hashes(bundle_data: bytes) -> None:
    files = unpack(bundle_data)
    description = json.loads(files.pop("model.json"))
    assert description["format_version"] == bundles.FORMAT_VERSION
    assert description["files"] == {
        path: hashlib.sha256(content).hexdigest() for path, content in files.items()
    }
    assert sorted(files) == [
        "examples.zip",
        "graphs/centre.onnx",
        "graphs/predict.onnx",
        "parameters.safetensors",
    ]


def drop(path: str) -> Callable[[Files], None]:
    """Forge a bundle that lacks a file."""
    return lambda files: (files.pop(path), None)[1]


def put(path: str, content: bytes) -> Callable[[Files], None]:
    """Forge a bundle with other content."""
    return lambda files: files.update({path: content})


def put_listed(path: str, content: bytes) -> Callable[[Files], None]:
    """Forge a bundle with other content and the hash to it."""
    return lambda files: (files.update({path: content}), list_again(files))[1]


FORGERIES: dict[str, tuple[Callable[[Files], None], str]] = {
    "changed graph": (put("graphs/centre.onnx", b"evil"), "'graphs/centre.onnx' in the bundle is damaged"),
    "missing graph": (drop("graphs/centre.onnx"), "lacks 'graphs/centre.onnx'"),
    "graph too many": (
        put("graphs/extra.onnx", b""),
        "'graphs/extra.onnx', which its model.json does not list",
    ),
    "no description": (drop("model.json"), "needs a 'model.json'"),
    "no parameters": (
        lambda files: (files.pop("parameters.safetensors"), list_again(files))[1],
        "lacks 'parameters.safetensors'",
    ),
    "unknown file": (put_listed("run.sh", b""), "'run.sh', which is no file of an .imaml bundle"),
    "climbing path": (put_listed("../graphs/a.onnx", b""), "which is no file of an .imaml bundle"),
    "climbing graph": (put_listed("graphs/../../a.onnx", b""), "which is no file of an .imaml bundle"),
    "absolute path": (put_listed("/etc/passwd", b""), "which is no file of an .imaml bundle"),
    "no JSON": (put("model.json", b"{"), "is no JSON"),
    "not UTF-8": (put("model.json", b"\xff\xfe{"), "is no JSON"),
    "NaN in JSON": (put("model.json", b'{"format_version": 2, "files": {}, "lam": NaN}'), "NaN"),
    "deep JSON": (put("model.json", b"[" * 10**6), "is no JSON"),
    "JSON list": (put("model.json", b"[]"), "no JSON object"),
    "huge description": (put("model.json", b" " * (4 * 2**20 + 1)), "at most 4194304 bytes"),
    "no file list": (put("model.json", b'{"format_version": 2}'), "lists no files"),
    "newer format": (lambda files: list_again(files, format_version=3), "format version 3; this imaml reads"),
    "older format": (lambda files: list_again(files, format_version=1), "format version 1; this imaml reads"),
    "no format": (put("model.json", b'{"files": {}}'), "format version None"),
    "no safetensors": (put_listed("parameters.safetensors", b"pickle"), "is no safetensors file"),
    "doubles": (
        put_listed("parameters.safetensors", safetensors.numpy.save({"w": np.zeros(2)})),
        "parameter 'w' in the bundle is float64",
    ),
    "too many files": (
        lambda files: files.update({f"graphs/g{number}.onnx": b"" for number in range(100)}),
        "at most 100",
    ),
}


@pytest.mark.parametrize(("forge", "message"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_bundle_is_refused(bundle_data: bytes, forge: Callable[[Files], None], message: str) -> None:
    files = unpack(bundle_data)
    forge(files)
    with pytest.raises(BundleError, match=message) as caught:
        bundles.read(pack(files))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + b"\0" * 17])
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"not an \.imaml bundle"):
        bundles.read(data)


def test_other_compressions_are_refused(bundle_data: bytes) -> None:
    with pytest.raises(BundleError, match="other than deflate"):
        bundles.read(pack(unpack(bundle_data), zipfile.ZIP_LZMA))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_comes_twice_is_refused(bundle_data: bytes) -> None:
    buffer = io.BytesIO(bundle_data)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("model.json", b"{}")
    with pytest.raises(BundleError, match=r"'model\.json' twice"):
        bundles.read(buffer.getvalue())


def test_a_bomb_is_refused_before_it_unpacks(bundle_data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    files = unpack(bundle_data)
    put_listed("graphs/bomb.onnx", b"\0" * 2**20)(files)
    data = pack(files)
    monkeypatch.setattr(bundles, "MAX_BYTES", 2**19)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with pytest.raises(BundleError, match="at most 524288 are allowed"):
        bundles.read(data)


def test_a_directory_that_lies_about_a_size_is_refused(bundle_data: bytes) -> None:
    files = unpack(bundle_data)
    content = b"\0" * 5000
    put_listed("graphs/bomb.onnx", content)(files)
    data = pack(files)
    sizes = len(content).to_bytes(4, "little")
    for stated in (10, 6000):
        with pytest.raises(BundleError, match=r"damaged|size"):
            bundles.read(data.replace(sizes, stated.to_bytes(4, "little")))


def test_any_damage_is_noticed_or_harmless(bundle: Bundle, bundle_data: bytes) -> None:
    """Bytes that mean nothing to us, such as times, may change: what is read is then the same."""
    rng = random.Random(0)
    for _ in range(600):
        damaged = bytearray(bundle_data)
        for _ in range(rng.choice([1, 1, 4])):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        try:
            found = bundles.read(bytes(damaged[: rng.choice([len(damaged), rng.randrange(len(damaged))])]))
        except BundleError:
            continue
        assert_same(found, bundle)


def test_what_could_not_be_read_is_not_written(bundle: Bundle) -> None:
    doubles: Any = {"w": np.zeros(2)}
    for bad in (
        Bundle(bundle.description, bundle.parameters, {"../evil": b""}),
        Bundle(bundle.description, doubles, {}),
        Bundle({"lam": float("nan")}, bundle.parameters, {}),
    ):
        with pytest.raises(BundleError):
            bundles.write(bad)
