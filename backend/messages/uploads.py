"""Requests that carry files: multipart, JSON with base64, or a raw body."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from backend import problems
from backend.dependencies import SettingsDep
from backend.messages.requests import ExperimentChanges, MoreExamples, NewAdaptation, PredictionInputs
from backend.problems import Problem

JSON, MULTIPART = "application/json", "multipart/form-data"
BUNDLE_TYPES = ("application/zip", "application/octet-stream")
ARCHIVE_TYPES = (*BUNDLE_TYPES, "application/x-zip-compressed")

Body = TypeVar("Body", bound=BaseModel)
ExamplesBody = TypeVar("ExamplesBody", bound=MoreExamples)

_SMALL = 2**16  # bytes of JSON that are read in less time than it takes to hand them to a thread
_OTHER_FIELDS = 50  # beside those that come once for each file


async def _new_adaptation(request: Request, settings: SettingsDep) -> NewAdaptation:
    return await _read_examples(request, NewAdaptation, settings.max_examples)


async def _more_examples(request: Request, settings: SettingsDep) -> MoreExamples:
    return await _read_examples(request, MoreExamples, settings.max_examples)


async def _prediction_inputs(request: Request, settings: SettingsDep) -> PredictionInputs:
    most = settings.max_predictions
    body = await _read(request, PredictionInputs, _images_in, most)
    _check_count("images or inputs", len(body.inputs), most)
    return body


def _one_file(
    field: str, types: Sequence[str] = (), *, texts: Sequence[str] = (), any_field: bool = False
) -> Callable[[Request], Awaitable[bytes]]:
    """Make the dependency that reads one file, as a multipart field of that name or as the whole body.

    The body may be of these types, or of any where there are none. Beside the file these texts may come; or
    the field may have any other name.
    """

    async def read(request: Request) -> bytes:
        if _content_type(request) == MULTIPART:
            async with _form(request, most=1) as form:
                if not any_field and (unknown := set(form) - {field, *texts}):
                    raise problems.invalid_fields(dict.fromkeys(sorted(unknown), "there is no such field"))
                files = list(form.values()) if any_field else form.getlist(field)
                if len(files) != 1:
                    raise Problem(400, "malformed-request", f"Send one file, as the field {field!r}.")
                content = (await _file_in(field, files[0]))["image"]
        elif types and _content_type(request) not in types:
            raise _unsupported(request, f"{MULTIPART} or {' or '.join(types)}")
        else:
            content = await request.body()
        if not content:
            raise problems.empty()
        return content

    return read


class Picture(NamedTuple):
    """An image file, and a reference to the model that shall see it."""

    image: bytes
    model: str | None


_image = _one_file("image", texts=("model",))


async def _picture(request: Request) -> Picture:
    image = await _image(request)
    if _content_type(request) != MULTIPART:
        return Picture(image, None)
    model = (await request.form()).get("model")  # which the request keeps, once it has been read
    if isinstance(model, UploadFile):
        raise Problem(400, "malformed-request", "The field 'model' must be a text, not a file.")
    return Picture(image, model)


NewAdaptationDep = Annotated[NewAdaptation, Depends(_new_adaptation)]
MoreExamplesDep = Annotated[MoreExamples, Depends(_more_examples)]
PredictionInputsDep = Annotated[PredictionInputs, Depends(_prediction_inputs)]
PictureDep = Annotated[Picture, Depends(_picture)]
BundleDep = Annotated[bytes, Depends(_one_file("bundle", BUNDLE_TYPES))]
ArchiveDep = Annotated[bytes, Depends(_one_file("archive", ARCHIVE_TYPES, any_field=True))]


async def _experiment_changes(request: Request) -> ExperimentChanges:
    return await _read_json(request, ExperimentChanges, JSON)


ExperimentChangesDep = Annotated[ExperimentChanges, Depends(_experiment_changes)]


async def _read_examples(request: Request, kind: type[ExamplesBody], most: int) -> ExamplesBody:
    body = await _read(request, kind, _examples_in, most)
    _check_count("examples", len(body.examples), most)
    return body


async def _read(
    request: Request,
    kind: type[Body],
    fields_in: Callable[[FormData], Awaitable[dict[str, Any]]],
    most: int,
) -> Body:
    """Read a form of `most` files at most, or JSON; both are checked against the same type."""
    if _content_type(request) != MULTIPART:
        return await _read_json(request, kind, f"{MULTIPART} or {JSON}")
    async with _form(request, most) as form:
        if not form:
            raise problems.empty()
        try:
            return kind.model_validate(await fields_in(form))
        except ValidationError as error:
            raise problems.invalid(error) from error


@asynccontextmanager
async def _form(request: Request, most: int) -> AsyncGenerator[FormData]:
    """Read a form of `most` files at most."""
    _, parameters = parse_options_header(request.headers["content-type"])
    boundary = parameters.get(b"boundary")
    # Without its end what came may be a part; Starlette does not look.
    if boundary and b"--%b--" % boundary not in await request.body():
        raise Problem(400, "malformed-request", "The form lacks its last boundary; send it whole.")
    try:
        async with request.form(max_files=most + 1, max_fields=most + _OTHER_FIELDS) as form:
            yield form
    except HTTPException as error:
        if not isinstance(error, Problem) and error.detail.startswith("Too many"):
            detail = f"There are too many files or fields; send {most} at most."
            raise Problem(413, "too-many", detail) from error
        raise


async def _read_json(request: Request, kind: type[Body], wanted: str) -> Body:
    content = await request.body()
    if not content:
        raise problems.empty()
    if _content_type(request) != JSON:
        raise _unsupported(request, wanted)
    problems.check_json(content)
    try:
        if len(content) < _SMALL:
            return kind.model_validate_json(content, strict=True)
        # Many megabytes of base64 would hold up everybody else's requests.
        return await run_in_threadpool(kind.model_validate_json, content, strict=True)
    except ValidationError as error:
        raise problems.invalid(error) from error


async def _examples_in(form: FormData) -> dict[str, Any]:
    files, labels = form.getlist("examples"), form.getlist("labels")
    if len(files) != len(labels):
        raise Problem(
            400,
            "unpaired-examples",
            f"There are {len(files)} files in the field 'examples' and {len(labels)} texts in 'labels'; "
            "send one label for each file, in the same order.",
        )
    examples = [await _file_in("examples", file) for file in files]
    for example, label in zip(examples, labels, strict=True):
        example["label"] = label
    return {**_fields_in(form, except_for=("examples", "labels")), "examples": examples}


async def _images_in(form: FormData) -> dict[str, Any]:
    images = [await _file_in("images", file) for file in form.getlist("images")]
    return {**_fields_in(form, except_for=("images",)), "inputs": images}


async def _file_in(field: str, file: UploadFile | str) -> dict[str, Any]:
    if isinstance(file, str):
        raise Problem(400, "malformed-request", f"The field {field!r} must be a file, not a text.")
    return {"image": await file.read(), "filename": file.filename or ""}


def _fields_in(form: FormData, except_for: tuple[str, ...]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name in fields:
            raise Problem(400, "malformed-request", f"The field {name[:100]!r} came twice; send it once.")
        if name not in except_for:
            fields[name] = value
    return fields


def _check_count(what: str, count: int, most: int) -> None:
    if not count:
        raise Problem(400, "empty-request", f"There are no {what}; send one at least.")
    if count > most:
        raise Problem(413, "too-many", f"There are {count} {what}; send {most} at most.")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unsupported(request: Request, wanted: str) -> Problem:
    detail = f"The body is {_content_type(request) or 'of no stated type'}; send {wanted}."
    return Problem(415, "unsupported-media-type", detail)
