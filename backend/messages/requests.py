"""What may be sent, field by field."""

import base64
import binascii
import hashlib
import json
import unicodedata
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from imaml.runtime.recipe import SOLVERS
from imaml.store.values import MAX_NAME_LENGTH

MAX_LABEL_LENGTH = 200
MAX_SENT = 100_000
"""Items of a list, however far settings raise their limit."""
_CONTROLS = r"\x00-\x1f\x7f-\x9f"


def _check_text(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be empty")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("it must not hold control characters")
    return unicodedata.normalize("NFC", text.strip())  # what looks the same is the same


def _check_storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it must not hold NUL")  # which PostgreSQL does not keep
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


def _without(forbidden: str) -> str:
    """Return the pattern of a text that has none of these characters, and not only spaces."""
    return rf"^[^{forbidden}]*[^\s{forbidden}][^{forbidden}]*$"


def _described(forbidden: str) -> Any:
    """Describe what the store checks, as far as a schema can: that all is printable, no pattern says."""
    length = {"minLength": 1, "maxLength": MAX_NAME_LENGTH}
    return Field(json_schema_extra={**length, "pattern": _without(_CONTROLS + forbidden)})


Text = Annotated[
    str,
    Field(min_length=1, max_length=MAX_LABEL_LENGTH, json_schema_extra={"pattern": _without(_CONTROLS)}),
    AfterValidator(_check_text),
]
Storable = Annotated[
    str, AfterValidator(_check_storable), Field(json_schema_extra={"not": {"pattern": r"\x00"}})
]
Tag = Annotated[str, _described("")]
Name = Annotated[str, _described("@:/")]
"""Of an experiment, a model or an alias."""
Image = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
            "contentEncoding": "base64",
            "description": "An image file in base64.",
        }
    ),
]


def _documented(**schema: object) -> Any:
    """Describe what is checked where model and settings are known; a setting stands for its number."""
    return Field(json_schema_extra=schema)  # pyright: ignore[reportArgumentType]


_VALUES: dict[str, dict[str, Any]] = {
    "image": {"type": "string"},
    "input": {"type": "array", "items": {"type": "number"}},
    "label": {"type": "string"},
    "target": {"type": "number"},
}


def _either(one: str, other: str) -> dict[str, Any]:
    """Describe that there is one of two fields; within `allOf`, so that generators make one class of both."""
    return {
        "oneOf": [
            {"required": [name], "properties": {name: _VALUES[name], absent: {"type": "null"}}}
            for name, absent in ((one, other), (other, one))
        ]
    }


Item = TypeVar("Item")
Sent = Annotated[list[Item], FailFast(), Field(max_length=MAX_SENT)]
"""A list that is given up at its first fault: else a request of some megabytes makes a million of them."""

Positive = Annotated[float, _documented(exclusiveMinimum=0)]


class Request(BaseModel):
    """Base of what is sent: nothing unknown, and no number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Input(Request):
    """One image file, PNG, JPEG, WebP or BMP by its content; or one vector, for a model on vectors."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_either("image", "input")]})

    image: Image | None = None
    input: Annotated[list[float] | None, FailFast()] = Field(default=None, description="A vector.")
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
                _either("image", "input"),
                _either("label", "target"),
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

    name: Text | None = Field(default=None, examples=["letters"])
    ttl_seconds: Annotated[int, Field(ge=1), _documented(maximum="max_ttl_seconds")] | None = Field(
        default=None, description="Forget the adaptation after that time.", examples=[86_400]
    )
    store_examples: StrictBool = Field(default=True, description="Keep the examples as the model sees them.")
    lam: Positive | None = Field(default=None, description="Proximal strength.", examples=[0.5])
    solver: Annotated[str, _documented(enum=[*SOLVERS])] | None = Field(
        default=None, description="Inner solver.", examples=["gradient_descent"]
    )
    inner_lr: Positive | None = Field(default=None, description="Rate of the inner solver.", examples=[0.1])
    max_steps: Annotated[int, _documented(minimum=0, maximum="max_inner_steps")] | None = Field(
        default=None, description="Steps of the inner solver.", examples=[1]
    )
    tolerance: Annotated[float, _documented(minimum=0)] | None = Field(
        default=None, description="Residual at which to stop; 0: never stop early.", examples=[0]
    )
    deadline_ms: Annotated[int, Field(ge=1), _documented(maximum="max_deadline_ms")] | None = Field(
        default=None, description="Time after which to stop where it stands.", examples=[1000]
    )

    @field_validator("store_examples", mode="before")
    @classmethod
    def _as_boolean(cls, value: object, info: ValidationInfo) -> object:
        """Take in a form the two words for what is true and false in JSON."""
        if info.mode == "python" and isinstance(value, str):
            return {"true": True, "false": False}.get(value.lower(), value)
        return value

    @field_validator("ttl_seconds", "max_steps", "deadline_ms", mode="before")
    @classmethod
    def _as_whole(cls, value: object) -> object:
        """Take 1.0 for a whole number, as JSON Schema does."""
        return int(value) if isinstance(value, float) and value.is_integer() else value


Reference = Annotated[
    str,
    Field(description="An id, a name, name@alias or name:version.", examples=["starter"]),
    _documented(minLength=1),
]


class MoreExamples(AdaptationOptions):
    """Examples to add to those of an adaptation."""

    examples: Annotated[Sent[Example], _documented(minItems=1, maxItems="max_examples")]

    def sha256(self, more: dict[str, Any]) -> str:
        """Return a hash of what is asked for, and more: the same for a form and JSON, and every boundary."""
        fields = {**self.model_dump(), **more}
        return _sha256(json.dumps(fields, sort_keys=True, default=_sha256).encode())

    def to_json(self) -> bytes:
        """Return the same request as JSON."""
        return json.dumps(self.model_dump(exclude_unset=True), default=_to_base64).encode()


class NewAdaptation(MoreExamples):
    """A model and the examples that it shall learn from."""

    model: Reference


class PredictionInputs(Request):
    """Images or vectors to answer."""

    inputs: Annotated[Sent[Input], _documented(minItems=1, maxItems="max_predictions")]


class ExperimentChanges(Request):
    """What to change of an experiment; what is left out stays."""

    model_config = ConfigDict(strict=True)

    name: Name | None = None
    tags: list[Tag] | None = Field(default=None, max_length=100)
    notes: Storable | None = Field(default=None, max_length=100_000)
    archived: bool | None = None
