"""The OpenAPI schema, with the limits in force and who needs a key; and the page that shows it."""

import json
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.staticfiles import StaticFiles

from backend.messages import bodies, protocol, schemas
from backend.messages.refusals import OF_KEYS, OF_LOCAL_MODE
from backend.security import PUBLIC, Requires
from backend.settings import Settings

_SCHEME = "key"

_FIRST_STEPS = """
Teach a model with a few labelled examples; its answer has an `id`, by which to ask it:

    curl $URL/v1/adaptations --form model=starter \\
         --form examples=@a1.png --form labels=a --form examples=@a2.png --form labels=a \\
         --form examples=@b1.png --form labels=b --form examples=@b2.png --form labels=b

    curl $URL/v1/adaptations/$ID/predictions --form images=@which.png

A service with keys asks for `--header "Authorization: Bearer $KEY"` with each call. Errors are RFC 9457
problems: their `type` is stable, their `detail` says what to do. In Python, `imaml.client` does all of this.

A request has {max_body_bytes:,} bytes at most, and comes within {max_body_seconds:g} s. An image has
{max_pixels:,} pixels at most, those of a request {max_request_pixels:,} together. An adaptation has
{max_classes:,} classes and {max_examples:,} examples at most, and is kept {kept}, or as long as you ask.
`GET /v1/limits` lists these limits and others.
"""

_TEXT = {"type": "string"}
_HEADERS = {
    "X-Request-ID": {
        "description": "Names this request, here and in the service's log.",
        "required": True,
        "schema": _TEXT,
    },
    "Retry-After": {
        "description": "Seconds after which to send the request again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Location": {"description": "Where to look.", "required": True, "schema": _TEXT},
    "Preference-Applied": {"description": "`respond-async`.", "required": True, "schema": _TEXT},
    "Content-Disposition": {"description": "The name of the file.", "required": True, "schema": _TEXT},
}
"""Of answers."""
_REQUEST_ID = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "A name for the request, of up to 64 letters, digits, - and _; default: one is made.",
    "schema": _TEXT,
}


def _operation_id(route: APIRoute) -> str:
    return route.name + ("_of_version" if "{version}" in route.path_format else "")


ABOUT: dict[str, Any] = {
    "title": "imaml",
    "version": "1",
    "summary": "Few-shot learning as a service: classifiers from a handful of examples.",
    "openapi_tags": [
        {"name": "adaptations", "description": "Learn from examples, look at what was learned, forget it."},
        {"name": "predictions", "description": "Ask what was learned."},
        {"name": "jobs", "description": "Adaptations that were asked for with `Prefer: respond-async`."},
        {"name": "models", "description": "The stored meta-models that learn."},
        {"name": "experiments", "description": "The training runs that they come from."},
        {"name": "inference", "description": "The Open Inference Protocol v2 over adaptations."},
        {"name": "health", "description": "Is the service alive and ready, and what does it allow?"},
    ],
    "generate_unique_id_function": _operation_id,
    "redirect_slashes": False,
    "docs_url": None,
    "redoc_url": None,
    "swagger_ui_oauth2_redirect_url": None,
    "openapi_url": None,
}
"""What the application is made with."""


def install(app: FastAPI, settings: Settings) -> None:
    """Let the application describe itself as it is at the moment, with keys or without, and show that."""

    @cache
    def schema(has_keys: bool) -> bytes:
        return json.dumps(_describe(app, settings, has_keys)).encode()

    # In a thread, since it asks the database, and made once, since whoever comes may ask for it.
    @app.get("/openapi.json", include_in_schema=False)
    def show_schema() -> Response:
        with app.state.store.reading() as transaction:
            has_keys = transaction.keys.exist()
        return Response(schema(has_keys), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def show_documentation() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title="imaml",
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon-32x32.png",
            swagger_ui_parameters={"displayRequestDuration": True, "docExpansion": "list"},
        )

    # From here and not from elsewhere on the net, which those who read may not reach.
    app.mount("/docs", StaticFiles(packages=[("fastapi_swagger", "resources")]))


def _describe(app: FastAPI, settings: Settings, has_keys: bool) -> dict[str, Any]:
    kept = f"{settings.default_ttl_seconds:,} s" if settings.default_ttl_seconds else "for good"
    schema = get_openapi(
        **{name: ABOUT[name] for name in ("title", "version", "summary")},
        description=_FIRST_STEPS.format(**settings.model_dump(), kept=kept),
        tags=ABOUT["openapi_tags"],
        routes=app.routes,
    )
    components = schema["components"]["schemas"]
    components |= bodies.COMPONENTS
    for model in (schemas.Problem, protocol.InferenceError):
        components[model.__name__] = model.model_json_schema()
    for name, example in json.loads(files("backend.messages").joinpath("examples.json").read_bytes()).items():
        components[name]["examples"] = [example]
    if has_keys:
        schema["components"]["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    schema["components"]["headers"] = _HEADERS
    for route, operation in _operations(app, schema):
        operation["summary"] = operation["description"].partition("\n")[0].rstrip(".")
        operation.setdefault("parameters", []).append(_REQUEST_ID)
        for status, response in operation["responses"].items():
            names = _headers_of(status, response)
            references = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
            response["headers"] = {**response.get("headers", {}), **references}
        _leave_out(operation["responses"], OF_LOCAL_MODE if has_keys else OF_KEYS)
        if has_keys and route.path_format not in PUBLIC:
            operation["security"] = [{_SCHEME: [scope]} for scope in _scopes(route)] or [{_SCHEME: []}]
    return _with_limits(schema, settings)


def _leave_out(responses: dict[str, Any], kinds: Collection[str]) -> None:
    """Leave out the problems that are not answered with at the moment."""
    for status, response in [*responses.items()]:
        for content in response.get("content", {}).values():
            if known := content.get("examples"):
                content["examples"] = {kind: value for kind, value in known.items() if kind not in kinds}
                if not content["examples"]:
                    del responses[status]


def _headers_of(status: str, response: dict[str, Any]) -> Iterator[str]:
    yield "X-Request-ID"
    if status == "202":
        yield from ("Location", "Preference-Applied")
    if status in ("409", "429", "503"):
        yield "Retry-After"
    if "application/zip" in response.get("content", {}):
        yield "Content-Disposition"


def _operations(app: FastAPI, schema: dict[str, Any]) -> Iterator[tuple[RouteContext, dict[str, Any]]]:
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            if operation := schema["paths"].get(route.path_format, {}).get(method.lower()):
                yield route, operation


def _scopes(route: RouteContext) -> tuple[str, ...]:
    """Return the scopes of which a caller needs one: those that the route itself names, which come last."""
    asked = [dependency.dependency for dependency in route.dependencies]
    return next((each.scopes for each in reversed(asked) if isinstance(each, Requires)), ())


def _with_limits(part: Any, settings: Settings) -> Any:
    """Put in the number for each limit that the schema names by its setting."""
    if isinstance(part, dict):
        return {
            name: getattr(settings, value)
            if name in ("maxItems", "maximum") and isinstance(value, str)
            else _with_limits(value, settings)
            for name, value in part.items()
        }
    return [_with_limits(each, settings) for each in part] if isinstance(part, list) else part
