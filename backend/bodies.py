"""Requests that carry files, described for OpenAPI; the framework cannot see what may come in two ways."""

from typing import Any

from backend.requests import AdaptationOptions, Example, Input
from backend.uploads import BUNDLE_TYPES, JSON, MULTIPART

_FILE: dict[str, Any] = {"type": "string", "format": "binary"}
_TEXT: dict[str, Any] = {"type": "string"}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _body(**schemas: dict[str, Any]) -> dict[str, Any]:
    content = {{"form": MULTIPART, "json": JSON}.get(way, way): {"schema": schemas[way]} for way in schemas}
    return {"requestBody": {"required": True, "content": content}}


def _examples(**more: dict[str, Any]) -> dict[str, Any]:
    options = AdaptationOptions.model_json_schema()["properties"]
    return _body(
        form=_object({**more, "examples": _array(_FILE), "labels": _array(_TEXT)}, options),
        json=_object({**more, "examples": _array(Example.model_json_schema())}, options),
    )


NEW_ADAPTATION = _examples(model={**_TEXT, "description": "An id, a name, name@alias or name:version."})
MORE_EXAMPLES = _examples()
PREDICTION_INPUTS = _body(
    form=_object({"images": _array(_FILE)}), json=_object({"inputs": _array(Input.model_json_schema())})
)
IMAGE = _body(
    form=_object({"image": _FILE}, {"model": {**_TEXT, "description": "Default: one on drawings."}}),
    **{"application/octet-stream": _FILE},
)
BUNDLE = _body(form=_object({"bundle": _FILE}), **dict.fromkeys(BUNDLE_TYPES, _FILE))
