"""Adapted models as the Open Inference Protocol knows them: tensors in, tensors out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from backend import problems
from backend.messages import inputs, tensors
from backend.messages.protocol import Datatype, InferenceRequest, InputTensor, RequestedOutput, TensorMetadata
from backend.messages.requests import Image
from backend.problems import Problem
from backend.settings import Settings
from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.runtime.model import MetaModel
from imaml.runtime.prediction import NumberPrediction, Prediction
from imaml.runtime.support import Examples


class _Files(BaseModel):
    """Image files, in base64 where they come as texts."""

    images: list[Image]


def inputs_of(model: MetaModel) -> list[TensorMetadata]:
    """Return the tensors of which a model takes one."""
    shape = model.input.shape
    if isinstance(model.input, Vectors):
        return [_rows("vectors", "FP32", *shape)]
    return [_rows("images", "BYTES"), _rows("pixels", "FP32", *shape)]


def outputs_of(model: MetaModel, ways: int) -> list[TensorMetadata]:
    """Return the tensors that a model gives, adapted to that many classes."""
    if model.regression:
        return [_rows("value", "FP32")]
    return [_rows("label", "BYTES"), _rows("probabilities", "FP32", ways), _rows("unknown", "BOOL")]


def outputs_wanted(request: InferenceRequest, known: Sequence[TensorMetadata]) -> dict[str, bool]:
    """Return by name what a request asks for of the outputs there are, and whether as binary data."""
    names = [tensor.name for tensor in known]
    found: dict[str, bool] = {}
    for output in request.outputs or [RequestedOutput(name=name) for name in names]:
        parameters = output.parameters
        if output.name not in names:
            detail = f"There is no output {output.name[:100]!r}; ask for {' or '.join(names)}."
            raise Problem(422, "unknown-output", detail)
        if parameters.classification is not None or parameters.shared_memory_region is not None:
            raise tensors.malformed(
                f"The output {output.name!r} comes as a tensor alone, with neither classification nor shared "
                "memory; ask for label or probabilities."
            )
        default = request.parameters.binary_data_output
        found[output.name] = default if parameters.binary_data is None else parameters.binary_data
    return found


def read(sent: Sequence[tensors.Input], model: MetaModel, settings: Settings) -> tuple[Examples, bool]:
    """Return the examples in what was sent, and whether they are prepared for the model's graphs.

    A Problem names the tensor that is not as the model takes it.
    """
    known = {tensor.name: tensor for tensor in inputs_of(model)}
    names = [tensor.declared.name for tensor in sent]
    if len(names) != 1 or names[0] not in known:
        given = f"{', '.join(names) or 'none'}"[:100]
        raise Problem(422, "invalid-input", f"The inputs are {given}; send one, {' or '.join(known)}.")
    [name], [tensor] = names, sent
    _check(tensor.declared, known[name], settings.max_predictions)
    array = tensors.read(tensor)
    if not isinstance(model.input, Vectors) and name == "images":
        return _images(array, model.input, settings), False
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        numbers = array.astype(np.float32)
    if name == "pixels":
        if not ((numbers >= 0) & (numbers <= 1)).all():
            raise Problem(422, "invalid-input", "The input 'pixels' has values that are not between 0 and 1.")
        return numbers, True
    if not np.isfinite(numbers).all():
        raise Problem(422, "invalid-input", "The input 'vectors' has values that are no numbers of 32 bits.")
    return numbers, False


def answers(predictions: Sequence[Prediction] | Sequence[NumberPrediction]) -> dict[str, NDArray[Any]]:
    """Return predictions as the tensors that `outputs_of` lists, by name."""
    if values := [answer.value for answer in predictions if isinstance(answer, NumberPrediction)]:
        return {"value": np.array(values, np.float32)}
    found = [answer for answer in predictions if isinstance(answer, Prediction)]
    return {
        "label": np.array([answer.label for answer in found], object),
        "probabilities": np.array([list(answer.probabilities.values()) for answer in found], np.float32),
        "unknown": np.array([answer.unknown for answer in found]),
    }


def _rows(name: str, datatype: Datatype, *shape: int) -> TensorMetadata:
    """Describe a tensor of any number of rows, each of this shape."""
    return TensorMetadata(name=name, datatype=datatype, shape=[-1, *shape])


def _check(tensor: InputTensor, known: TensorMetadata, most: int) -> None:
    rows, *shape = tensor.shape or [0]
    datatypes = (known.datatype, "FP64") if known.datatype == "FP32" else (known.datatype,)
    if tensor.datatype not in datatypes or len(tensor.shape) != len(known.shape) or shape != known.shape[1:]:
        wanted = ", ".join(["n", *map(str, known.shape[1:])])
        raise Problem(
            422,
            "invalid-input",
            f"The input {known.name!r} is {tensor.datatype[:20]} of shape {str(tensor.shape)[:100]}; "
            f"it must be {known.datatype} of shape [{wanted}].",
        )
    if not rows:
        raise Problem(400, "empty-request", f"The input {known.name!r} has no rows; send one at least.")
    if rows > most:
        detail = f"The input {known.name!r} has {str(rows)[:20]} rows; send {most} at most."
        raise Problem(413, "too-many", detail)


def _images(files: NDArray[Any], model_input: Drawings | Photos, settings: Settings) -> Examples:
    try:
        images = _Files(images=files.tolist()).images
    except ValidationError as error:
        raise problems.invalid(error) from error
    titles = [f"images[{index}]" for index in range(len(images))]
    return inputs.read_images(images, model_input, titles, settings)
