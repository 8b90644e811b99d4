"""The Open Inference Protocol's messages, field by field."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, WithJsonSchema

Datatype = Literal["BOOL", "BYTES", "FP32", "FP64"]

_MOST_DIMENSIONS = 4
_MOST_TENSORS = 100


def _nested(levels: int) -> dict[str, Any]:
    element: dict[str, Any] = {"type": ["boolean", "number", "string"]}
    return {"type": "array", "items": {"anyOf": [element, _nested(levels - 1)]} if levels > 1 else element}


# What is in it depends on the tensor's datatype, so it is checked where that is known.
_Data = Annotated[list[Any], WithJsonSchema(_nested(_MOST_DIMENSIONS))]


class InferenceError(BaseModel):
    """What went wrong, in a sentence."""

    error: str = Field(examples=['No adaptation "01a1".'])


class ServerMetadata(BaseModel):
    """What serves, and which extensions of the protocol it has."""

    name: str = Field(examples=["imaml"])
    version: str
    extensions: list[str] = Field(examples=[["binary_tensor_data"]])


class Live(BaseModel):
    """The service runs."""

    live: bool = True


class Ready(BaseModel):
    """The service can infer."""

    ready: bool = True


class ModelReady(Ready):
    """An adaptation can be asked."""

    name: str = Field(description="The adaptation's id.")


class TensorMetadata(BaseModel):
    """A tensor that goes in or comes out."""

    name: str = Field(examples=["images"])
    datatype: Datatype
    shape: list[int] = Field(description="-1 where any size will do.", examples=[[-1]])


class ModelMetadata(BaseModel):
    """An adapted model. Models on images take either of their two inputs."""

    name: str = Field(description="The adaptation's id.")
    versions: list[str] = Field(examples=[["1"]])
    platform: str = Field(examples=["imaml_onnxruntime"])
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class _Sent(BaseModel):
    """Base of what is sent; what else clients put into it, the protocol lets them."""

    model_config = ConfigDict(strict=True)


class InputParameters(_Sent):
    """How an input is sent."""

    binary_data_size: int | None = Field(
        default=None, ge=0, description="Size of the tensor in bytes, where it comes after the JSON."
    )


class InputTensor(_Sent):
    """A tensor that goes in, with its data here or after the JSON."""

    name: str
    shape: list[Annotated[int, Field(ge=0)]] = Field(max_length=_MOST_DIMENSIONS)
    datatype: str
    parameters: InputParameters = InputParameters()
    data: _Data | None = Field(
        default=None, description="Flat, or nested as the shape says; files are in base64."
    )


class OutputParameters(_Sent):
    """How an output shall be sent."""

    binary_data: bool | None = Field(default=None, description="After the JSON, not in it.")
    classification: int | None = Field(default=None, description="Not supported.")
    shared_memory_region: str | None = Field(default=None, description="Not supported.")


class RequestedOutput(_Sent):
    """A tensor that is asked for."""

    name: str
    parameters: OutputParameters = OutputParameters()


class RequestParameters(_Sent):
    """How all outputs shall be sent that do not say it themselves."""

    binary_data_output: bool = False


class InferenceRequest(_Sent):
    """Tensors to infer from, and those that are wanted; all where none is named."""

    id: str | None = Field(default=None, description="Comes back in the answer.")
    parameters: RequestParameters = RequestParameters()
    inputs: Annotated[list[InputTensor], FailFast(), Field(max_length=_MOST_TENSORS)]
    outputs: Annotated[list[RequestedOutput], FailFast(), Field(max_length=_MOST_TENSORS)] = []


class ResponseParameters(BaseModel):
    """Where an output lies after the JSON."""

    binary_data_size: int


class OutputTensor(BaseModel):
    """A tensor that comes out, with its data here, flat, or after the JSON."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: ResponseParameters | None = None
    data: list[bool] | list[float] | list[str] | None = None


class InferenceResponse(BaseModel):
    """The tensors that were wanted."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model_name": "01a1",
                    "model_version": "1",
                    "outputs": [
                        {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["b"]},
                        {"name": "probabilities", "datatype": "FP32", "shape": [1, 2], "data": [0.02, 0.98]},
                        {"name": "unknown", "datatype": "BOOL", "shape": [1], "data": [False]},
                    ],
                }
            ]
        }
    )
