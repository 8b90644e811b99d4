"""What belongs to an adaptation, as the bytes that the store keeps."""

import io
import json
import zipfile
from collections.abc import Sequence

import numpy as np
import safetensors.numpy

from backend import images
from backend.images import Drawings
from backend.schemas import LabelledImage
from imaml.runtime.adaptation import Adapted
from imaml.store import Adaptation

_LABELS = "labels.json"


def pack_parameters(adapted: Adapted) -> bytes:
    """Return the tensors of an adaptation as safetensors."""
    return safetensors.numpy.save({"phi": adapted.phi, "moments": adapted.moments})


def unpack_parameters(data: bytes, adaptation: Adaptation) -> Adapted:
    """Return what `pack_parameters` packed."""
    tensors = safetensors.numpy.load(data)
    return Adapted(
        phi=tensors["phi"],
        moments=tensors["moments"],
        classes=tuple(adaptation.classes),
        unknown_threshold=adaptation.unknown_threshold or 0.0,
    )


def pack_examples(drawings: Drawings, labels: Sequence[str]) -> bytes:
    """Return a support set as a zip of PNG files and their labels."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_LABELS), json.dumps(list(labels)))
        for index, drawing in enumerate(drawings):
            archive.writestr(zipfile.ZipInfo(f"{index:05d}.png"), images.to_png(drawing))
    return buffer.getvalue()


def unpack_examples(data: bytes) -> list[LabelledImage]:
    """Return the support set that `pack_examples` packed, in its order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        labels: list[str] = json.loads(archive.read(_LABELS))
        return [
            LabelledImage(label=label, image=archive.read(f"{index:05d}.png"))
            for index, label in enumerate(labels)
        ]


def unpack_drawings(data: bytes) -> tuple[Drawings, list[str]]:
    """Return the support set that `pack_examples` packed, ready to adapt to."""
    examples = unpack_examples(data)
    return np.stack([images.from_png(e.image) for e in examples]), [e.label for e in examples]
