"""Predictions, and what a model sees of an image."""

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from backend.dependencies import AdaptationDep, EngineDep, SettingsDep, StoreDep, resolve_model
from backend.messages import bodies, inputs, schemas
from backend.messages.refusals import BINARY, BODY, IMAGES, WORKING, Responses, refusals
from backend.messages.uploads import ArchiveDep, PictureDep, PredictionInputsDep
from backend.problems import Problem
from backend.security import Requires
from backend.work import batches
from backend.work.engine import Engine
from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.runtime.prediction import NumberPrediction, Prediction, predict
from imaml.store import Store

router = APIRouter(prefix="/v1", tags=["predictions"], dependencies=[Depends(Requires("predict"))])


class _Lines(StreamingResponse):
    media_type = "application/x-ndjson"


_LINES: Responses = {
    200: {
        "model": schemas.BatchLine,
        "description": "A line for each image, in the order of the zip.",
        "content": {
            _Lines.media_type: {
                "example": '{"filename": "scans/1.png", "prediction": {"label": "b", "confidence": 0.98, '
                '"unknown": false, "similarity": 0.61, "probabilities": {"a": 0.02, "b": 0.98}}, '
                '"problem": null}\n'
                '{"filename": "scans/2.png", "prediction": null, "problem": {"type": '
                '"/problems/unreadable-image", "title": "Unreadable image", "status": 422, "detail": '
                '"scans/2.png: the image is damaged or cut short; save it again or send another.", '
                '"errors": {}}}\n'
            }
        },
    }
}
_PNG: Responses = {
    200: {"content": {"image/png": BINARY}, "description": "Drawings as dark ink on light ground."}
}


@router.post(
    "/adaptations/{adaptation_id}/predictions",
    responses=refusals(
        *("unknown-adaptation", *BODY, *IMAGES, *WORKING),
        *("malformed-json", "malformed-request", "unsupported-media-type", "too-many"),
    ),
    openapi_extra=bodies.PREDICTION_INPUTS,
)
async def predict_answers(
    adaptation: AdaptationDep,
    body: PredictionInputsDep,
    store: StoreDep,
    engine: EngineDep,
    settings: SettingsDep,
) -> schemas.Predictions:
    """Answer images or vectors, each on its own, in the order sent."""
    async with (
        engine.model(store, adaptation.model_id) as loaded,
        engine.adapted(store, adaptation) as adapted,
    ):
        meta = loaded.meta

        def work() -> list[Prediction] | list[NumberPrediction]:
            titles = inputs.titles(body.inputs, "images")
            with engine.metrics.stage("decode"):
                examples = inputs.read(body.inputs, meta.input, "inputs", titles, settings)
            with engine.metrics.stage("predict"):
                return predict(meta, adapted, examples, adaptation.unknown_threshold)

        predictions = await engine.run(work)
    return schemas.Predictions.model_validate({"predictions": [vars(p) for p in predictions]})


@router.post(
    "/adaptations/{adaptation_id}/predictions/batch",
    response_class=_Lines,
    responses=_LINES
    | refusals(
        *("unknown-adaptation", *BODY, *WORKING, "malformed-request", "unsupported-media-type"),
        *("invalid-archive", "no-images", "too-many"),
    ),
    openapi_extra=bodies.ARCHIVE,
)
async def predict_archive(
    adaptation: AdaptationDep,
    data: ArchiveDep,
    store: StoreDep,
    engine: EngineDep,
    settings: SettingsDep,
) -> _Lines:
    """Answer a zip of images, each on a line of JSON of its own, as soon as it is worked out.

    An image that cannot be read has a problem on its line. Folders are skipped, and what systems put beside
    images: `__MACOSX`, `Thumbs.db`, `desktop.ini`, and what begins with a dot.
    """
    async with (
        engine.model(store, adaptation.model_id) as loaded,
        engine.adapted(store, adaptation) as adapted,
    ):
        archive = await engine.run(batches.open_archive, data, settings.max_batch)
        # What it answers with is held to its last line by the answer itself.
        return _Lines(batches.answer(archive, adaptation, loaded.meta, adapted, engine, settings))


@router.post(
    "/preprocess",
    openapi_extra=bodies.IMAGE,
    response_class=Response,
    responses=_PNG | refusals("unknown-model", *BODY, *IMAGES, *WORKING, "malformed-request", "no-images"),
)
async def preprocess_image(
    picture: PictureDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> Response:
    """Show an image as a model sees it."""
    model_input = await _input(picture.model, store, engine)

    def work() -> bytes:
        [seen] = inputs.read_images([picture.image], model_input, ["image"], settings)
        return model_input.to_png(seen)

    return Response(await engine.run(work), media_type="image/png")


async def _input(reference: str | None, store: Store, engine: Engine) -> Drawings | Photos:
    if reference is None:
        return Drawings()
    model = await run_in_threadpool(resolve_model, store, reference)
    async with engine.model(store, model.id) as loaded:
        found = loaded.meta.input
    if isinstance(found, Vectors):
        raise Problem(422, "no-images", f"Model {model.name}:{model.version} takes vectors, not images.")
    return found
