"""What may be sent, field by field."""

import base64
import binascii
import hashlib
import json
import unicodedata
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

MAX_LABEL_LENGTH = 200


def _check_text(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be empty")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("it must not hold control characters")
    return text


def _from_base64(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not base64; send the bytes of an image file in base64 alone") from error


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


Text = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_LENGTH), AfterValidator(_check_text)]
Image = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    WithJsonSchema(
        {"type": "string", "contentEncoding": "base64", "description": "An image file in base64."}
    ),
]


def _either(one: str, one_type: str, other: str, other_type: str) -> dict[str, Any]:
    """Describe an object that has one of two fields, and not both."""
    ways = ((one, one_type, other), (other, other_type, one))
    return {
        "oneOf": [
            {
                "required": [name],
                "properties": {name: {"type": kind}, absent: {"type": "null"}},
            }
            for name, kind, absent in ways
        ]
    }


class Request(BaseModel):
    """Base of what is sent: nothing unknown, and no number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Input(Request):
    """One image file, PNG, JPEG, WebP or BMP by its content; or one vector, for a model on vectors."""

    model_config = ConfigDict(json_schema_extra=_either("image", "string", "input", "array"))

    image: Image | None = None
    input: list[float] | None = Field(default=None, description="A vector.")
    filename: str = Field(default="", max_length=1000, description="What messages call the image.")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.image is None) == (self.input is None):
            raise ValueError("send either an image or an input")
        return self


class Example(Input):
    """One image or vector, with its label or, in regression, its target."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                _either("image", "string", "input", "array"),
                _either("label", "string", "target", "number"),
            ]
        }
    )

    label: Text | None = None
    target: float | None = Field(default=None, description="A number to predict.")

    @model_validator(mode="after")
    def _check_answer(self) -> Self:
        if (self.label is None) == (self.target is None):
            raise ValueError("send either a label or a target")
        return self


class AdaptationOptions(Request):
    """How to adapt, and what to keep; what is left out of the recipe is as the model has it."""

    name: Text | None = None
    ttl_seconds: int | None = Field(default=None, ge=1, description="Forget the adaptation after that time.")
    store_examples: bool = Field(default=True, description="Keep the examples as the model sees them.")
    lam: float | None = Field(default=None, description="Proximal strength.")
    solver: str | None = Field(default=None, description="Inner solver.")
    inner_lr: float | None = Field(default=None, description="Rate of the inner solver.")
    max_steps: int | None = Field(default=None, description="Steps of the inner solver.")
    tolerance: float | None = Field(
        default=None, description="Residual at which to stop; 0: never stop early."
    )
    deadline_ms: int | None = Field(
        default=None, ge=1, description="Time after which to stop where it stands."
    )


class MoreExamples(AdaptationOptions):
    """Examples to add to those of an adaptation."""

    examples: list[Example]

    def sha256(self, extends: str | None = None) -> str:
        """Return a hash of what is asked for: the same for a form and JSON, and for every boundary."""
        fields = {**self.model_dump(), "extends": extends}
        return _sha256(json.dumps(fields, sort_keys=True, default=_sha256).encode())

    def to_json(self) -> bytes:
        """Return the same request as JSON."""
        return json.dumps(self.model_dump(exclude_unset=True), default=_to_base64).encode()


class NewAdaptation(MoreExamples):
    """A model and the examples that it shall learn from."""

    model: str = Field(description="An id, a name, name@alias or name:version.")


class PredictionInputs(Request):
    """Images or vectors to answer."""

    inputs: list[Input]


class ExperimentChanges(Request):
    """What to change of an experiment; what is left out stays."""

    name: str | None = None
    tags: list[str] | None = Field(default=None, max_length=100)
    notes: str | None = Field(default=None, max_length=100_000)
    archived: bool | None = None
