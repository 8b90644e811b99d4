"""The problems that routes may answer with, described for OpenAPI, each with an example."""

from typing import Any

from backend import problems
from backend.messages import protocol, schemas
from backend.messages.bodies import REFERENCE
from backend.problems import Problem

Responses = dict[int | str, dict[str, Any]]

BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""Content of a file."""

_ID = "01a1f2c3d4e5f60718293a4b5c6d7e8f"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_MADE_WITHOUT_MORE = (problems.empty(), problems.unexpected(), problems.full(), problems.stopping())

EXAMPLES: dict[str, tuple[int, str]] = {
    **{problem.kind: (problem.status_code, problem.detail) for problem in _MADE_WITHOUT_MORE},
    "malformed-json": (400, "The request body is not JSON."),
    "malformed-request": (400, "Send one file, as the field 'bundle'."),
    "unpaired-examples": (
        400,
        "There are 3 files in the field 'examples' and 2 texts in 'labels'; send one label for each file, in "
        "the same order.",
    ),
    "key-needed": (
        401,
        "The service needs a key: send `Authorization: Bearer KEY`; `imaml keys create` makes one.",
    ),
    "key-unknown": (
        401,
        "The key is unknown, has expired or was revoked; ask whoever runs the service for another.",
    ),
    "scope-needed": (403, "The key has the scopes adapt, predict; this call needs review."),
    "foreign-host": (
        403,
        "The service has no keys and answers to names of this machine alone, not to 'example.com'; "
        "use 127.0.0.1.",
    ),
    "foreign-origin": (
        403,
        "The service takes nothing from pages of 'https://example.com'; call it from this machine's own, or "
        "allow it by IMAML_CORS_ORIGINS.",
    ),
    "no-examples": (404, "The examples of this adaptation were not stored (store_examples was false)."),
    "unknown-adaptation": (404, f'No adaptation "{_ID}".'),
    "unknown-experiment": (404, f'No experiment "{_ID}".'),
    "unknown-job": (404, f'No job "{_ID}".'),
    "unknown-model": (404, 'No model "strater"; stored models: starter, starter-vectors.'),
    "unknown-version": (404, "There is no version '2' of an adaptation; its only one is 1."),
    "idempotency-conflict": (
        409,
        "The idempotency key 'order-17' belongs to another request; send that one again unchanged, or choose "
        "a new key.",
    ),
    "request-in-progress": (
        409,
        "The request with the idempotency key 'order-17' is still being worked on; send it again later.",
    ),
    "body-too-slow": (408, "The request did not come within 120 s; send it faster, or less."),
    "body-too-large": (413, "The request is larger than 33554432 bytes; send less."),
    "image-too-large": (
        413,
        "examples[3] (cat.png): the image has 9000 x 9000 pixels, more than the 25,000,000 that are allowed; "
        "send a smaller one.",
    ),
    "too-many": (413, "There are 1200 examples; send 1000 at most."),
    "unsupported-encoding": (415, "The body is compressed as 'gzip'; send it as it is."),
    "unsupported-image": (
        415,
        "examples[3] (cat.png): the file is not a PNG, JPEG, WebP or BMP image by its content; "
        "convert it to one.",
    ),
    "unsupported-media-type": (415, "The body is text/plain; send multipart/form-data or application/json."),
    "diverged": (
        422,
        "The adaptation left the finite numbers at step 3 with inner_lr 50.0 and lam 0.5; lower one of them.",
    ),
    "invalid-archive": (
        422,
        "The body is not a zip, or a damaged one (File is not a zip file); send a zip of image files.",
    ),
    "invalid-bundle": (422, "Not an .imaml bundle, or damaged: File is not a zip file."),
    "invalid-examples": (422, "The examples have 1 different label; this model learns 2 to 20 classes."),
    "invalid-input": (
        422,
        "The input 'pixels' is FP32 of shape [2, 1, 32, 32]; it must be FP32 of shape [n, 1, 28, 28].",
    ),
    "invalid-recipe": (422, "max_steps is -1; it must be 0 or more."),
    "invalid-request": (422, "examples.0.label: it must not be empty."),
    "invalid-value": (422, "Cursor 'abc' is not one of this listing; start again without a cursor."),
    "no-classes": (422, "The model predicts numbers; margins and thresholds are of classes."),
    "no-images": (422, "Model starter-vectors:1 takes vectors, not images."),
    "over-the-limit": (422, "max_steps is 5000; it must be 1000 at most."),
    "too-few-examples": (
        422,
        "The class 'cat' has one example; a threshold is refined where each has two or more.",
    ),
    "unknown-output": (422, "There is no output 'labels'; ask for label or probabilities or unknown."),
    "unreadable-image": (
        422,
        "examples[3] (cat.png): the image is damaged or cut short; save it again or send another.",
    ),
    "quota-exceeded": (
        429,
        "There are 10000 adaptations, which is as many as are kept for you; delete some, or let new ones "
        "expire by ttl_seconds.",
    ),
    "rate-exceeded": (
        429,
        "The key has asked too often; wait 3 s. GET /v1/limits tells how often it may.",
    ),
    "damaged-data": (
        500,
        f"The stored bytes {_SHA256} are damaged: their SHA-256 is another; restore the database from a "
        "backup, or store the same file again.",
    ),
    "unusable-model": (500, "The model has no graph 'centre'; export it again."),
    "database-outdated": (503, "The database is not at the newest migration; run `imaml db upgrade`."),
    "database-unavailable": (
        503,
        "The database cannot be used at the moment; the service's log says why. Try again.",
    ),
    "device-unusable": (
        503,
        "IMAML_DEVICE is cuda, but this ONNX Runtime is built for CPUs alone; mend that, or set it to auto "
        "or cpu.",
    ),
    "no-model": (503, "No model is stored; run `imaml models import FILE`, or `imaml train`."),
}

_DESCRIPTIONS = {
    400: "The request has the wrong form",
    401: "A key is needed",
    403: "That is not for this key or this caller",
    404: "There is no such thing",
    408: "Too slow",
    409: "The idempotency key is taken",
    413: "Too large, or too many",
    415: "Of a type that is not taken",
    422: "The content is wrong",
    429: "Over a quota or a rate",
    500: "A failure of the service",
    503: "The service cannot answer now",
}

_EVERYWHERE = (
    *("key-needed", "key-unknown", "scope-needed", "foreign-host", "foreign-origin", "invalid-request"),
    *("rate-exceeded", "internal-error", "database-unavailable", "stopping"),
)
OF_KEYS = ("key-needed", "key-unknown", "scope-needed", "rate-exceeded", "quota-exceeded")
"""Where there are keys alone."""
OF_LOCAL_MODE = ("foreign-host", "foreign-origin")
"""Where there are none."""
WORKING = ("server-full", "damaged-data", "unusable-model", "device-unusable")
"""Where a model is at work."""
BODY = ("empty-request", "body-too-slow", "body-too-large", "unsupported-encoding")
"""Where something is sent."""
IMAGES = ("image-too-large", "unsupported-image", "unreadable-image")
"""Where images are sent."""
LEARNING = (
    *(*BODY, *IMAGES, *WORKING, "malformed-json", "malformed-request", "unsupported-media-type"),
    *("too-many", "unpaired-examples", "idempotency-conflict", "request-in-progress", "diverged"),
    *("invalid-examples", "invalid-recipe", "over-the-limit", "quota-exceeded"),
)
"""Where somebody teaches."""


def refusals(*kinds: str, everywhere: bool = True, inference: bool = False) -> Responses:
    """Document the problems that a route may answer with, and those that every route may, by status.

    Under /v2 they are in the form of the Open Inference Protocol.
    """
    responses: Responses = {}
    for kind in (*kinds, *(_EVERYWHERE if everywhere else ())):
        status, detail = EXAMPLES[kind]
        model = protocol.InferenceError if inference else schemas.Problem
        media_type = "application/json" if inference else problems.MEDIA_TYPE
        problem = problems.document(Problem(status, kind, detail))
        example = {"error": detail} if inference else problem.model_dump()
        content = responses.setdefault(
            status,
            {
                "description": _DESCRIPTIONS[status],
                "content": {
                    media_type: {
                        "schema": {"$ref": REFERENCE.format(model=model.__name__)},
                        "examples": {},
                    }
                },
            },
        )["content"]
        content[media_type]["examples"][kind] = {"value": example}
    return responses
