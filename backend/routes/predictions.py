"""Predictions, and what the model sees of an image."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from backend import bodies, images, schemas
from backend.dependencies import AdaptationDep, EngineDep, SettingsDep, StoreDep
from backend.uploads import ImageDep, PredictionInputsDep
from imaml.runtime.prediction import Prediction, predict

router = APIRouter(prefix="/v1", tags=["predictions"])

_PNG = {200: {"content": {"image/png": {}}, "description": "28 x 28 pixels, dark ink on light ground."}}


@router.post("/adaptations/{adaptation_id}/predictions", openapi_extra=bodies.PREDICTION_INPUTS)
async def predict_labels(
    known: AdaptationDep, body: PredictionInputsDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Predictions:
    """Classify images, each on its own, in the order sent."""
    graphs = (await engine.model(store, known.model)).meta.graphs
    adapted = await engine.adapted(store, known.adaptation)

    def work() -> list[Prediction]:
        files = [image.image for image in body.inputs]
        drawings = images.preprocess(files, images.titles(body.inputs, "images"), settings.max_pixels)
        return predict(graphs, adapted, drawings)

    predictions = await engine.run(work)
    return schemas.Predictions(predictions=[schemas.Prediction(**asdict(p)) for p in predictions])


@router.post("/preprocess", openapi_extra=bodies.IMAGE, response_class=Response, responses={**_PNG})
async def preprocess_image(image: ImageDep, engine: EngineDep, settings: SettingsDep) -> Response:
    """Show an image as the model sees it."""

    def work() -> bytes:
        return images.to_png(images.preprocess([image], ["image"], settings.max_pixels)[0])

    return Response(await engine.run(work), media_type="image/png")
