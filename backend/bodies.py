"""Requests that carry files, described for OpenAPI; the framework cannot see what may come in two ways."""

from typing import Any

from pydantic import TypeAdapter

from backend.requests import AdaptationOptions, Example, ExperimentChanges, Input, Text
from backend.uploads import ARCHIVE_TYPES, BUNDLE_TYPES, JSON, MULTIPART
from imaml.runtime.recipe import SOLVERS

Schema = dict[str, Any]

_FILE: Schema = {"type": "string", "format": "binary", "minLength": 1}
_LABEL: Schema = TypeAdapter(Text).json_schema()
_MODEL: Schema = {
    "type": "string",
    "minLength": 1,
    "description": "An id, a name, name@alias or name:version.",
    "examples": ["starter"],
}
_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsZ0eBQAAAABJRU5ErkJggg=="

# Where a number may not be below or above another; the names are settings, whose numbers the schema shows.
_BOUNDS: dict[str, Schema] = {
    "lam": {"exclusiveMinimum": 0},
    "inner_lr": {"exclusiveMinimum": 0},
    "max_steps": {"minimum": 0, "maximum": "max_inner_steps"},
    "tolerance": {"minimum": 0},
    "deadline_ms": {"maximum": "max_deadline_ms"},
    "ttl_seconds": {"maximum": "max_ttl_seconds"},
    "solver": {"enum": SOLVERS},
}


def _array(items: Schema, most: str) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _object(required: Schema, optional: Schema | None = None, example: object = None) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }
    return schema if example is None else {**schema, "examples": [example]}


def _body(form: Schema | None = None, json: Schema | None = None, **others: Schema) -> Schema:
    schemas = {MULTIPART: form, JSON: json, **others}
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items() if schema}
    return {"requestBody": {"required": True, "content": content}}


def _options() -> Schema:
    options = AdaptationOptions.model_json_schema()["properties"]
    for name, bounds in _BOUNDS.items():
        options[name]["anyOf"][0].update(bounds)  # the other one is null
    return options


def _in_form(options: Schema) -> Schema:
    """A form has no null: what is not sent is as the model has it."""
    return {
        name: {
            **option["anyOf"][0],
            **{key: option[key] for key in ("title", "description") if key in option},
        }
        if "anyOf" in option
        else option
        for name, option in options.items()
    }


def _examples(example: object, **more: Schema) -> Schema:
    options = _options()
    items = Example.model_json_schema()
    return _body(
        form=_object(
            {**more, "examples": _array(_FILE, "max_examples"), "labels": _array(_LABEL, "max_examples")},
            _in_form(options),
        ),
        json=_object({**more, "examples": _array(items, "max_examples")}, options, example),
    )


_TAUGHT = [{"label": label, "image": _PNG} for label in ("a", "b")]

NEW_ADAPTATION = _examples({"model": "starter", "examples": _TAUGHT, "name": "letters"}, model=_MODEL)
MORE_EXAMPLES = _examples({"examples": [{"label": "c", "image": _PNG}]})
PREDICTION_INPUTS = _body(
    form=_object({"images": _array(_FILE, "max_predictions")}),
    json=_object(
        {"inputs": _array(Input.model_json_schema(), "max_predictions")},
        example={"inputs": [{"image": _PNG}]},
    ),
)
IMAGE = _body(
    form=_object({"image": _FILE}, {"model": {**_MODEL, "description": "Default: one on drawings."}}),
    **{"application/octet-stream": _FILE},
)
ARCHIVE = _body(form=_object({"archive": _FILE}), **dict.fromkeys(ARCHIVE_TYPES, _FILE))
BUNDLE = _body(form=_object({"bundle": _FILE}), **dict.fromkeys(BUNDLE_TYPES, _FILE))
EXPERIMENT_CHANGES = _body(
    json={
        **ExperimentChanges.model_json_schema(),
        "examples": [{"tags": ["baseline"], "notes": "λ as in the paper"}],
    }
)
