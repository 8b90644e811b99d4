"""What goes wrong, as RFC 9457 answers: one base class, one handler."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from backend import logs
from backend.messages import protocol, schemas
from imaml.runtime.adaptation import Diverged
from imaml.runtime.devices import DeviceError
from imaml.runtime.graphs import GraphError
from imaml.runtime.recipe import RecipeError
from imaml.runtime.support import SupportError
from imaml.store import (
    BundleError,
    DatabaseError,
    IdempotencyConflict,
    InvalidValue,
    NotFound,
    QuotaExceeded,
    StoreError,
)

_log = logs.get_logger()

MEDIA_TYPE = "application/problem+json"

_FROM_RUNTIME: dict[type[Exception], tuple[int, str]] = {
    Diverged: (422, "diverged"),
    DeviceError: (503, "device-unusable"),
    GraphError: (500, "unusable-model"),
    RecipeError: (422, "invalid-recipe"),
    SupportError: (422, "invalid-examples"),
}
_COUNTED = (("examples",), ("inputs",))  # which have a limit in the settings
_MOST_LISTED = 20
_MOST_VALUES = 1_000_000
_UNAVAILABLE = "The database cannot be used at the moment; the service's log says why. Try again."
_TRY_AGAIN = {"Retry-After": "2"}  # where nobody knows better
_UNEXPECTED = "Something went wrong in the service; its log has the details under this answer's X-Request-ID."


class Problem(HTTPException):
    """A request that is answered with a problem; `kind` makes its stable type, `detail` is a sentence."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.errors = dict(errors or {})


def install(app: FastAPI) -> None:
    """Let every error that a route may raise be answered as a problem."""
    for error in (HTTPException, RequestValidationError, StoreError, *_FROM_RUNTIME):
        app.add_exception_handler(error, _handle)


def answer(problem: Problem, path: str) -> Response:
    """Return the problem as the response to a request for this path: /v2 has the protocol's own form."""
    if f"{path}/".startswith("/v2/"):
        body, media_type = protocol.InferenceError(error=problem.detail), "application/json"
    else:
        body, media_type = document(problem), MEDIA_TYPE
    headers = {**(_TRY_AGAIN if problem.status_code == 503 else {}), **(problem.headers or {})}
    # In ASCII, since what was sent is quoted and need not be encodable.
    return Response(json.dumps(body.model_dump()), problem.status_code, headers, media_type)


def document(problem: Problem) -> schemas.Problem:
    """Return the problem as RFC 9457 has it."""
    return schemas.Problem(
        type=f"/problems/{problem.kind}",
        title=problem.kind.replace("-", " ").capitalize(),
        status=problem.status_code,
        detail=problem.detail,
        errors=problem.errors,
    )


def unexpected() -> Problem:
    """Return the problem for an error that nobody foresaw; it tells nothing of the inside."""
    return Problem(500, "internal-error", _UNEXPECTED)


def stopping() -> Problem:
    """Return the problem for a service that takes no more work, or does not end what it has taken."""
    return Problem(503, "stopping", "The service is about to stop; ask again.", headers={"Retry-After": "1"})


def full() -> Problem:
    """Return the problem for work that there is no room for at the moment."""
    return Problem(
        503,
        "server-full",
        "The service has more work than it can queue; try again in a moment.",
        headers={"Retry-After": "1"},
    )


def check_json(content: bytes) -> None:
    """Refuse JSON of so many values that to read it would take gigabytes; base64 has no such characters."""
    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        detail = f"The JSON has more than {_MOST_VALUES:,} values; send less at once, or images as files."
        raise Problem(413, "too-many", detail)


def invalid(error: ValidationError | RequestValidationError) -> Problem:
    """Return the problem for a request that does not fit its schema."""
    found: Iterable[Mapping[str, Any]] = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return Problem(400, "malformed-json", "The request body is not JSON.")
    if any(item["type"] == "missing" and item["loc"] == ("body",) for item in found):
        return empty()
    if any(item["type"] == "too_long" and item["loc"] in _COUNTED for item in found):
        return Problem(
            413, "too-many", "There are too many items in a list; /v1/limits tells how many may be."
        )
    return invalid_fields(
        {_place(item["loc"]): str(item["msg"]).removeprefix("Value error, ") for item in found}
    )


def invalid_fields(errors: Mapping[str, str]) -> Problem:
    """Return the problem for fields that hold what they may not; `errors` says of each what is wrong."""
    place, message = next(iter(errors.items()))
    others = len(errors) - 1
    more = f" There {'is' if others == 1 else 'are'} {others} more of its kind." if others else ""
    listed = dict(islice(errors.items(), _MOST_LISTED))
    return Problem(422, "invalid-request", f"{place}: {message}.{more}", listed)


def empty() -> Problem:
    """Return the problem for a request without a body where one is needed."""
    return Problem(400, "empty-request", "The request has no body; /docs says what to send.")


def of(error: Exception) -> Problem:
    """Return the problem for what went wrong while a request was worked on."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return invalid(error)
        case StoreError():
            return of_store(error)
        case _ if type(error) in _FROM_RUNTIME:
            status, kind = _FROM_RUNTIME[type(error)]
            return Problem(status, kind, str(error))
        case _:
            return unexpected()


def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and not isinstance(error, Problem):
        error = _framework_problem(request, error)
    return answer(of(error), request.url.path)


def of_store(error: StoreError) -> Problem:
    """Return the problem for an error of the store."""
    match error:
        case NotFound():
            status, kind = 404, f"unknown-{error.kind}"
        case InvalidValue():
            status, kind = 422, "invalid-value"
        case IdempotencyConflict():
            status, kind = 409, "idempotency-conflict"
        case BundleError():
            status, kind = 422, "invalid-bundle"
        case QuotaExceeded():
            status, kind = 429, "quota-exceeded"
        case DatabaseError():  # whose address is nobody's business
            _log.error("database unavailable", error=f"{error}")
            return Problem(503, "database-unavailable", _UNAVAILABLE)
        case _:
            status, kind = 500, "damaged-data"
    return Problem(status, kind, _sentence(error))


def _framework_problem(request: Request, error: HTTPException) -> Problem:
    """Return the problem for an error of the framework's own, such as a method that a path does not have."""
    if error.status_code == 404:
        return Problem(
            404, "not-found", f"There is nothing at {request.url.path}; /docs lists what there is."
        )
    if error.status_code == 405:
        detail = f"{request.method} is not possible at {request.url.path}; /docs lists what is."
        return Problem(405, "method-not-allowed", detail, headers={"Allow": ", ".join(_methods(request))})
    kind = "malformed-request" if error.status_code == 400 else "http-error"
    return Problem(error.status_code, kind, _sentence(error.detail), headers=error.headers)


def _methods(request: Request) -> list[str]:
    """Return what is possible at a path, by all of its routes; the framework knows the first one's alone."""
    return sorted(
        method
        for route in iter_route_contexts(request.app.routes)
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    )


def _place(location: Iterable[str | int]) -> str:
    """Return where an error is, as in `examples.3.label`."""
    parts = [f"{part}" for part in location]
    if parts[:1] in (["body"], ["header"], ["path"], ["query"]):
        del parts[0]
    return ".".join(parts) or "body"


def _sentence(error: StoreError | str) -> str:
    """Return a message that has not the beginning and the end of a sentence as one."""
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
