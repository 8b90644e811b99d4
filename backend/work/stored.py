"""What belongs to an adaptation, as the bytes that the store keeps."""

import io
import json
import zipfile
from collections.abc import Sequence

import numpy as np
import safetensors.numpy

from backend.messages.schemas import LabelledExample
from imaml.runtime.adaptation import Adapted
from imaml.runtime.inputs import Input, Vectors
from imaml.runtime.support import Examples
from imaml.store import Adaptation

_TARGETS = "labels.json"
_VECTORS = "vectors.safetensors"
_TENSORS = ("phi", "moments", "prototypes")


def pack_parameters(adapted: Adapted) -> bytes:
    """Return the tensors of an adaptation as safetensors."""
    tensors = {name: getattr(adapted, name) for name in _TENSORS}
    return safetensors.numpy.save({**tensors, "temperature": np.array([adapted.temperature])})


def unpack_parameters(data: bytes, adaptation: Adaptation) -> Adapted:
    """Return what `pack_parameters` packed."""
    tensors = safetensors.numpy.load(data)
    return Adapted(
        **{name: tensors[name] for name in _TENSORS},
        classes=tuple(adaptation.classes),
        temperature=float(tensors["temperature"][0]),
    )


def pack_examples(examples: Examples, targets: Sequence[str | float], model_input: Input) -> bytes:
    """Return a support set as a zip: its labels or numbers, and PNG files or one file of vectors."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_TARGETS), json.dumps(list(targets)))
        if isinstance(model_input, Vectors):
            archive.writestr(zipfile.ZipInfo(_VECTORS), safetensors.numpy.save({"vectors": examples}))
        else:
            for index, image in enumerate(examples):
                archive.writestr(zipfile.ZipInfo(_name(index)), model_input.to_png(image))
    return buffer.getvalue()


def unpack_examples(data: bytes, margins: Sequence[float | None] | None = None) -> list[LabelledExample]:
    """Return the support set that `pack_examples` packed, in its order, to be looked at with its margins."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        targets = _targets(archive)
        known = [{"label": t} if isinstance(t, str) else {"target": t} for t in targets]
        if _VECTORS in archive.namelist():
            seen = [{"input": vector} for vector in _vectors(archive).tolist()]
        else:
            seen = [{"image": archive.read(_name(index))} for index in range(len(targets))]
    found = [{"margin": margin} for margin in margins or [None] * len(known)]
    rows = zip(known, seen, found, strict=True)
    return [LabelledExample.model_validate({**t, **x, **m}) for t, x, m in rows]


def unpack_support(data: bytes, model_input: Input) -> tuple[Examples, list[str | float]]:
    """Return the support set that `pack_examples` packed, ready to adapt to."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        targets = _targets(archive)
        if isinstance(model_input, Vectors):
            return _vectors(archive), targets
        images = [model_input.from_png(archive.read(_name(index))) for index in range(len(targets))]
        return np.stack(images), targets


def _name(index: int) -> str:
    return f"{index:05d}.png"


def _targets(archive: zipfile.ZipFile) -> list[str | float]:
    return json.loads(archive.read(_TARGETS))


def _vectors(archive: zipfile.ZipFile) -> Examples:
    return safetensors.numpy.load(archive.read(_VECTORS))["vectors"]
