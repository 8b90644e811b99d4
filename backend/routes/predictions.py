"""Predictions, and what a model sees of an image."""

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from backend import bodies, inputs, schemas
from backend.dependencies import AdaptationDep, EngineDep, SettingsDep, StoreDep, resolve_model
from backend.engine import Engine
from backend.problems import Problem
from backend.uploads import PictureDep, PredictionInputsDep
from imaml.runtime.inputs import Drawings, Photos, Vectors
from imaml.runtime.prediction import NumberPrediction, Prediction, predict
from imaml.store import Store

router = APIRouter(prefix="/v1", tags=["predictions"])

_PNG = {200: {"content": {"image/png": {}}, "description": "Drawings as dark ink on light ground."}}


@router.post("/adaptations/{adaptation_id}/predictions", openapi_extra=bodies.PREDICTION_INPUTS)
async def predict_answers(
    adaptation: AdaptationDep, body: PredictionInputsDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Predictions:
    """Answer images or vectors, each on its own, in the order sent."""
    async with engine.model(adaptation.model_id) as loaded, engine.adapted(adaptation) as adapted:
        meta = loaded.meta

        def work() -> list[Prediction] | list[NumberPrediction]:
            titles = inputs.titles(body.inputs, "images")
            with engine.metrics.stage("decode"):
                examples = inputs.read(body.inputs, meta.input, "inputs", titles, settings.max_pixels)
            with engine.metrics.stage("predict"):
                return predict(meta, adapted, examples, adaptation.unknown_threshold)

        predictions = await engine.run(work)
    return schemas.Predictions.model_validate({"predictions": [vars(p) for p in predictions]})


@router.post("/preprocess", openapi_extra=bodies.IMAGE, response_class=Response, responses={**_PNG})
async def preprocess_image(
    picture: PictureDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> Response:
    """Show an image as a model sees it."""
    model_input = await _input(picture.model, store, engine)

    def work() -> bytes:
        [seen] = inputs.read_images([picture.image], model_input, ["image"], settings.max_pixels)
        return model_input.to_png(seen)

    return Response(await engine.run(work), media_type="image/png")


async def _input(reference: str | None, store: Store, engine: Engine) -> Drawings | Photos:
    if reference is None:
        return Drawings()
    model = await run_in_threadpool(resolve_model, store, reference)
    async with engine.model(model.id) as loaded:
        found = loaded.meta.input
    if isinstance(found, Vectors):
        raise Problem(422, "no-images", f"Model {model.name}:{model.version} takes vectors, not images.")
    return found
