"""The `.imaml` file: a model in one zip, checked to the last byte before anything is made of it.

`model.json` describes the model and lists every other file with its SHA-256; `parameters.safetensors` holds
the meta-parameters, `graphs/NAME.onnx` the graphs, and `examples.zip`, optional, images for trying it out.
"""

import hashlib
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from imaml.store.errors import BundleError

FORMAT_VERSION = 2
MAX_BYTES = 256 * 2**20
MAX_DESCRIPTION_BYTES = 4 * 2**20
MAX_ENTRIES = 100

DESCRIPTION = "model.json"
PARAMETERS = "parameters.safetensors"
EXAMPLES = "examples.zip"

_GRAPH = re.compile(r"graphs/(?P<name>[A-Za-z0-9_]{1,64})\.onnx")


@dataclass(frozen=True)
class Bundle:
    """A model as it travels; `graphs` are ONNX files by name, `examples` a zip.

    The description is any JSON object; "format_version" and "files" are the file's own and do not show here.
    """

    description: dict[str, Any]
    parameters: dict[str, NDArray[np.float32]]
    graphs: dict[str, bytes]
    examples: bytes | None = None


def write(bundle: Bundle) -> bytes:
    """Return the bundle as a file, the same bytes each time.

    Raises `BundleError` for what could not be read back.
    """
    # safetensors writes an array's memory as it lies, so a transposed view has to be made plain first.
    parameters = {name: np.asarray(value, order="C") for name, value in bundle.parameters.items()}
    files = {PARAMETERS: safetensors.numpy.save(parameters)}
    files |= {f"graphs/{name}.onnx": graph for name, graph in bundle.graphs.items()}
    if bundle.examples is not None:
        files[EXAMPLES] = bundle.examples
    hashes = {path: _sha256(content) for path, content in files.items()}
    description = {**bundle.description, "format_version": FORMAT_VERSION, "files": hashes}
    files[DESCRIPTION] = json.dumps(description, indent=2, sort_keys=True).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    read(buffer.getvalue())
    return buffer.getvalue()


def read(data: bytes) -> Bundle:
    """Return the bundle in the bytes of a file, or raise `BundleError`; the graphs are not looked into."""
    files = _unpack(data)
    description = _describe(files.pop(DESCRIPTION, None))
    hashes = description.pop("files")
    if listed_only := sorted(hashes.keys() - files.keys()):
        raise BundleError(f"the bundle lacks {listed_only[0]!r}, which its {DESCRIPTION} lists")
    if unlisted := sorted(files.keys() - hashes.keys()):
        raise BundleError(f"the bundle holds {unlisted[0]!r}, which its {DESCRIPTION} does not list")
    for path, content in files.items():
        if _sha256(content) != hashes[path]:
            raise BundleError(
                f"{path!r} in the bundle is damaged: its SHA-256 is not the one in {DESCRIPTION}"
            )
    if PARAMETERS not in files:
        raise BundleError(f"the bundle lacks {PARAMETERS!r}")
    graphs = {match["name"]: content for path, content in files.items() if (match := _GRAPH.fullmatch(path))}
    return Bundle(description, _load_parameters(files[PARAMETERS]), graphs, files.get(EXAMPLES))


def _unpack(data: bytes) -> dict[str, bytes]:
    """Return the content by path, refusing whatever is no plain file of a known path, or too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_directory(entries)
            return {entry.filename: _read_entry(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise BundleError(f"not an .imaml bundle, or damaged: {error}") from error


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise BundleError(f"the bundle holds {len(entries)} files; at most {MAX_ENTRIES} are allowed")
    size = sum(entry.file_size for entry in entries)
    if size > MAX_BYTES:
        raise BundleError(f"the bundle unpacks to {size} bytes; at most {MAX_BYTES} are allowed")
    seen: set[str] = set()
    for entry in entries:
        path = entry.filename
        if path not in (DESCRIPTION, PARAMETERS, EXAMPLES) and not _GRAPH.fullmatch(path):
            raise BundleError(f"the bundle holds {path[:100]!r}, which is no file of an .imaml bundle")
        if path in seen:
            raise BundleError(f"the bundle holds {path!r} twice")
        seen.add(path)
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BundleError(f"{path!r} in the bundle is encrypted or packed in a way other than deflate")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # What the directory says of the size was checked; what the entry really unpacks to may still be more.
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise BundleError(f"{entry.filename!r} in the bundle has not the size that its directory says")
    return content


def _describe(content: bytes | None) -> dict[str, Any]:
    """Return the description, with its file list checked to be one and without the format version."""
    if content is None or len(content) > MAX_DESCRIPTION_BYTES:
        raise BundleError(f"the bundle needs a {DESCRIPTION!r} of at most {MAX_DESCRIPTION_BYTES} bytes")
    try:
        loaded = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{DESCRIPTION!r} in the bundle is no JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise BundleError(f"{DESCRIPTION!r} in the bundle is no JSON object")
    description = cast(dict[str, Any], loaded)
    version = description.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise BundleError(
            f"the bundle has format version {version!r}; this imaml reads version {FORMAT_VERSION}: "
            "install the version that wrote it"
        )
    if not isinstance(description.get("files"), dict):
        raise BundleError(f"{DESCRIPTION!r} in the bundle lists no files")
    return description


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _load_parameters(content: bytes) -> dict[str, NDArray[np.float32]]:
    try:
        parameters = safetensors.numpy.load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{PARAMETERS!r} in the bundle is no safetensors file: {error}") from error
    for name, value in parameters.items():
        if value.dtype != np.float32:
            raise BundleError(f"parameter {name!r} in the bundle is {value.dtype}, not float32")
    return parameters


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
