"""Bodies of requests, described for OpenAPI; the framework cannot see what may come in two ways."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from backend.messages.protocol import InferenceRequest
from backend.messages.requests import (
    AdaptationOptions,
    ExperimentChanges,
    MoreExamples,
    NewAdaptation,
    PredictionInputs,
)
from backend.messages.uploads import ARCHIVE_TYPES, BUNDLE_TYPES, JSON, MULTIPART

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"

_FILE: Schema = {"type": "string", "format": "binary", "minLength": 1}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsZ0eBQAAAABJRU5ErkJggg=="


def _form(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": [*required],
        "additionalProperties": False,
    }


def _files(most: str) -> Schema:
    return {"type": "array", "items": _FILE, "minItems": 1, "maxItems": most}


def _in_form(field: Schema) -> Schema:
    """A form has no null: what is not sent is as the model has it."""
    if "anyOf" not in field:
        return field
    [value] = [each for each in field["anyOf"] if each != {"type": "null"}]
    return {**value, **{key: field[key] for key in ("title", "description", "examples") if key in field}}


def _components() -> dict[str, Schema]:
    in_json: tuple[type[BaseModel], ...] = (
        *(NewAdaptation, MoreExamples, PredictionInputs, ExperimentChanges, InferenceRequest),
    )
    _, schema = models_json_schema([(each, "validation") for each in in_json], ref_template=REFERENCE)
    components: dict[str, Schema] = schema["$defs"]
    new, example = components["NewAdaptation"]["properties"], components["Example"]["properties"]
    options = {name: _in_form(new[name]) for name in AdaptationOptions.model_fields}
    labels = {
        **_files("max_examples"),
        "items": _in_form(example["label"]),
        "description": "One for each file, in the same order.",
    }
    taught = {"examples": _files("max_examples"), "labels": labels}
    return {
        **components,
        "NewAdaptationForm": _form({"model": new["model"], **taught}, options),
        "MoreExamplesForm": _form(taught, options),
        "PredictionInputsForm": _form({"images": _files("max_predictions")}),
        "ImageForm": _form(
            {"image": _FILE}, {"model": {**new["model"], "description": "Default: one on drawings."}}
        ),
        "ArchiveForm": _form({"archive": _FILE}),
        "BundleForm": _form({"bundle": _FILE}),
    }


COMPONENTS = _components()
"""By name, what the bodies refer to: so that generators of clients have a name for each."""


def _body(
    *, form: str | None = None, json: str | None = None, files: Iterable[str] = (), **examples: object
) -> Schema:
    content: Schema = {
        media_type: {"schema": {"$ref": REFERENCE.format(model=name)}}
        for media_type, name in ((MULTIPART, form), (JSON, json))
        if name
    }
    if form and "labels" in COMPONENTS[form]["properties"]:  # each a part of its own, not all in one text
        content[MULTIPART]["encoding"] = {"labels": {"style": "form", "explode": True}}
    if examples:
        content[JSON]["examples"] = {name: {"value": value} for name, value in examples.items()}
    content |= {media_type: {"schema": _FILE} for media_type in files}
    return {"requestBody": {"required": True, "content": content}}


_TAUGHT = [{"label": label, "image": _PNG} for label in ("a", "b")]
_MEASURED = [
    {"label": "short", "input": [5.1, 3.5, 1.4, 0.2]},
    {"label": "long", "input": [6.3, 3.3, 6.0, 2.5]},
]

NEW_ADAPTATION = _body(
    form="NewAdaptationForm",
    json="NewAdaptation",
    images={"model": "starter", "examples": _TAUGHT, "name": "letters"},
    vectors={"model": "flowers", "examples": _MEASURED, "ttl_seconds": 3600},
)
MORE_EXAMPLES = _body(
    form="MoreExamplesForm", json="MoreExamples", images={"examples": [{"label": "c", "image": _PNG}]}
)
PREDICTION_INPUTS = _body(
    form="PredictionInputsForm",
    json="PredictionInputs",
    images={"inputs": [{"image": _PNG}]},
    vectors={"inputs": [{"input": [5.9, 3.0, 5.1, 1.8]}]},
)
IMAGE = _body(form="ImageForm", files=["application/octet-stream"])
ARCHIVE = _body(form="ArchiveForm", files=ARCHIVE_TYPES)
BUNDLE = _body(form="BundleForm", files=BUNDLE_TYPES)
EXPERIMENT_CHANGES = _body(
    json="ExperimentChanges", notes={"tags": ["baseline"], "notes": "λ as in the paper"}
)
INFERENCE = _body(
    json="InferenceRequest",
    files=["application/octet-stream"],
    images={"inputs": [{"name": "images", "shape": [1], "datatype": "BYTES", "data": [_PNG]}]},
    vectors={
        "inputs": [{"name": "vectors", "shape": [1, 4], "datatype": "FP32", "data": [[5.9, 3.0, 5.1, 1.8]]}],
        "outputs": [{"name": "label"}],
    },
)
