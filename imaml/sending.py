"""What the client sends: images of any kind, and vectors, with their labels or numbers."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import PIL.Image
from numpy.typing import NDArray

Image = str | Path | bytes | PIL.Image.Image | NDArray[np.uint8]
"""The path of an image file, the bytes of one, an image, or an array [height, width] or, in RGB, […, 3]."""

Vector = Sequence[float] | NDArray[np.floating[Any]]
"""The numbers that a model on vectors takes, as they are: it standardises them itself."""

Input = Image | Vector
Inputs = Sequence[Input] | NDArray[np.floating[Any]]
"""Any number of them; vectors may be the rows of an array."""

Examples = Mapping[str, Inputs] | Sequence[tuple[Input, str | float]]
"""Inputs by their label, or pairs of one and its label; in regression, of one and its number."""

_ONE_IMAGE = (str, Path, bytes, PIL.Image.Image)


def pairs_of(examples: Examples) -> Iterator[tuple[Input, str | float]]:
    """Yield each input with its label or number; raises TypeError for one image where a list belongs."""
    if not isinstance(examples, Mapping):
        yield from examples
        return
    for label, inputs in examples.items():
        if is_image(inputs):
            raise TypeError(f"The images of {label!r} must be a list, even if there is one.")
        yield from ((given, label) for given in inputs)


def is_image(given: object) -> TypeGuard[Image]:
    """Tell an image from a vector."""
    return isinstance(given, _ONE_IMAGE) or (isinstance(given, np.ndarray) and given.dtype == np.uint8)


def as_file(image: Image) -> tuple[str, bytes]:
    """Return the file name and the bytes to send for an image."""
    if isinstance(image, str | Path):
        path = Path(image)
        return path.name, path.read_bytes()
    if isinstance(image, bytes):
        return "image", image
    buffer = io.BytesIO()
    drawn = image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)
    drawn.save(buffer, "PNG")
    return "image.png", buffer.getvalue()


def as_json(given: Input, target: str | float | None = None) -> dict[str, Any]:
    """Return what to send for an input, with its label or number where there is one."""
    known: dict[str, Any] = {}
    if target is not None:
        known = {"label": target} if isinstance(target, str) else {"target": float(target)}
    if is_image(given):
        name, content = as_file(given)
        return {**known, "image": base64.b64encode(content).decode(), "filename": name}
    return {**known, "input": np.asarray(given, np.float64).tolist()}
