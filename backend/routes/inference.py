"""The Open Inference Protocol over adaptations, each of which is a model of one version."""

from importlib.metadata import version as version_of
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from backend import problems
from backend.dependencies import AdaptationDep, EngineDep, SettingsDep, StoreDep
from backend.messages import bodies, inference, protocol, tensors
from backend.messages.refusals import BODY, IMAGES, WORKING, Responses, refusals
from backend.problems import Problem
from backend.routes import health
from backend.security import Requires
from imaml.runtime.prediction import predict

_VERSION = "1"
_JSON_LENGTH = "Inference-Header-Content-Length"
_BINARY = "application/octet-stream"


def _check_version(version: Annotated[str, Path(description="1, the only one.")]) -> None:
    if version != _VERSION:
        detail = f"There is no version {version[:100]!r} of an adaptation; its only one is {_VERSION}."
        raise Problem(404, "unknown-version", detail)


_ONE = ("unknown-adaptation", "unknown-version", *WORKING)
_TENSORS: Responses = {
    200: {
        "description": "The outputs; where one comes as binary data, the JSON and the data after it",
        "content": {_BINARY: {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            _JSON_LENGTH: {"description": "Bytes of JSON before the data.", "schema": {"type": "integer"}}
        },
    }
}

router = APIRouter(prefix="/v2", tags=["inference"])
_models = APIRouter(dependencies=[Depends(Requires("predict"))])


@router.get("", dependencies=[Depends(Requires())], responses=refusals(inference=True))
async def server_metadata() -> protocol.ServerMetadata:
    """Tell what serves, and which extensions of the protocol it has."""
    return protocol.ServerMetadata(
        name="imaml", version=version_of("imaml"), extensions=["binary_tensor_data"]
    )


@router.get("/health/live", responses=refusals("internal-error", everywhere=False, inference=True))
async def server_live() -> protocol.Live:
    """Answer as long as the process runs."""
    return protocol.Live()


@router.get(
    "/health/ready",
    dependencies=[Depends(health.readiness)],
    responses=refusals(*health.NOT_READY, everywhere=False, inference=True),
)
async def server_ready() -> protocol.Ready:
    """Tell whether the database is there and current, and whether its newest model can be used."""
    return protocol.Ready()


@_models.get("", responses=refusals(*_ONE, inference=True))
async def model_metadata(
    adaptation: AdaptationDep, store: StoreDep, engine: EngineDep
) -> protocol.ModelMetadata:
    """Describe the tensors of an adaptation."""
    async with engine.model(store, adaptation.model_id) as loaded:
        return protocol.ModelMetadata(
            name=adaptation.id,
            versions=[_VERSION],
            platform="imaml_onnxruntime",
            inputs=inference.inputs_of(loaded.meta),
            outputs=inference.outputs_of(loaded.meta, len(adaptation.classes)),
        )


@_models.get("/ready", responses=refusals(*_ONE, inference=True))
async def model_ready(adaptation: AdaptationDep, store: StoreDep, engine: EngineDep) -> protocol.ModelReady:
    """Tell whether an adaptation can be asked."""
    async with engine.model(store, adaptation.model_id), engine.adapted(store, adaptation):
        return protocol.ModelReady(name=adaptation.id)


@_models.post(
    "/infer",
    openapi_extra=bodies.INFERENCE,
    response_model=protocol.InferenceResponse,
    responses=_TENSORS
    | refusals(
        *(*_ONE, *BODY, *IMAGES, "malformed-json", "malformed-request", "too-many"),
        *("invalid-input", "unknown-output"),
        inference=True,
    ),
)
async def infer(
    request: Request,
    adaptation: AdaptationDep,
    store: StoreDep,
    engine: EngineDep,
    settings: SettingsDep,
    json_length: Annotated[
        int | None,
        Header(alias=_JSON_LENGTH, ge=0, description="Bytes of JSON, where binary data comes after it."),
    ] = None,
) -> Response:
    """Answer images, their pixels or vectors, each on its own, in the order sent.

    `pixels` are what the model calculates with, from 0 to 1. In drawings the ink is 1 and the ground 0: the
    reverse of the PNG that `/v1/preprocess` shows.
    """
    content = await request.body()
    if not content:
        raise problems.empty()
    async with (
        engine.model(store, adaptation.model_id) as loaded,
        engine.adapted(store, adaptation) as adapted,
    ):
        model = loaded.meta

        def work() -> tuple[bytes, int | None]:
            with engine.metrics.stage("decode"):
                asked, sent = tensors.read_request(content, json_length)
                wanted = inference.outputs_wanted(asked, inference.outputs_of(model, len(adaptation.classes)))
                examples, prepared = inference.read(sent, model, settings)
            with engine.metrics.stage("predict"):
                found = predict(model, adapted, examples, adaptation.unknown_threshold, prepared=prepared)
            answers = inference.answers(found)
            outputs = [tensors.write(name, answers[name], binary=binary) for name, binary in wanted.items()]
            return tensors.write_response(adaptation.id, _VERSION, asked.id, outputs)

        answer, answer_json_length = await engine.run(work)
    if answer_json_length is None:
        return Response(answer, media_type="application/json")
    return Response(answer, headers={_JSON_LENGTH: str(answer_json_length)}, media_type=_BINARY)


router.include_router(_models, prefix="/models/{adaptation_id}")
router.include_router(
    _models, prefix="/models/{adaptation_id}/versions/{version}", dependencies=[Depends(_check_version)]
)
