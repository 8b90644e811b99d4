"""The typed HTTP client of the service, and the same for asyncio.

with Client() as client:
    adaptation = client.adapt("starter", {"cat": ["cat1.png"], "dog": ["dog1.png"]})
    [answer] = client.predict(adaptation.id, ["who.png"])

async with AsyncClient() as client:
    adaptation = await client.adapt("starter", {"cat": ["cat1.png"], "dog": ["dog1.png"]})
    [answer] = await client.predict(adaptation.id, ["who.png"])
"""

from imaml.client.answers import (
    Adaptation,
    AdaptationRecipe,
    BatchPrediction,
    Episode,
    Evaluation,
    Experiment,
    ExperimentDetail,
    ExperimentFacets,
    ExperimentPage,
    Job,
    LabelledExample,
    Limits,
    MetricPoint,
    Model,
    NumberPrediction,
    Page,
    Prediction,
    Problem,
    Recipe,
    Solution,
    TracePoint,
)
from imaml.client.asynchronous import AsyncClient
from imaml.client.calls import ExperimentConditions
from imaml.client.errors import ApiError, ApiUnreachable, ClientError, InvalidArgument
from imaml.client.sending import AdaptationOptions, Examples, Image, Input, Inputs, Vector
from imaml.client.synchronous import Client

__all__ = [
    "Adaptation",
    "AdaptationOptions",
    "AdaptationRecipe",
    "ApiError",
    "ApiUnreachable",
    "AsyncClient",
    "BatchPrediction",
    "Client",
    "ClientError",
    "Episode",
    "Evaluation",
    "Examples",
    "Experiment",
    "ExperimentConditions",
    "ExperimentDetail",
    "ExperimentFacets",
    "ExperimentPage",
    "Image",
    "Input",
    "Inputs",
    "InvalidArgument",
    "Job",
    "LabelledExample",
    "Limits",
    "MetricPoint",
    "Model",
    "NumberPrediction",
    "Page",
    "Prediction",
    "Problem",
    "Recipe",
    "Solution",
    "TracePoint",
    "Vector",
]
