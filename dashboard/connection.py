"""The API as the pages call it: a client for each key, and answers that never change kept in memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard.charts.training import Metrics
from dashboard.pictures import thumbnail
from dashboard.teach.limits import BODY_SHARE
from imaml.client import (
    ApiError,
    Client,
    Episode,
    Experiment,
    ExperimentFacets,
    LabelledExample,
    Limits,
    Prediction,
)

KEY = "api-key"
"""Where a visitor's own key lies: in the session on this side, and nowhere else."""


def client() -> Client:
    """Return the visitor's client, with a key of theirs or that of IMAML_API_KEY; it calls IMAML_API_URL."""
    return _client(st.session_state.get(KEY))


def use_key(key: str) -> None:
    """Call with this key from now on; raises InvalidArgument for what cannot be one."""
    _client(key)
    st.session_state[KEY] = key


@dataclass(frozen=True)
class View:
    """An image as it was sent and as the model sees it, both small PNG files."""

    sent: bytes
    seen: bytes


def view(image: bytes, model: str) -> View:
    """Return both views of an image file; raises ApiError where it is none that the service reads."""
    return _view(_caller(), image, model)


def margins(adaptation_id: str) -> list[LabelledExample]:
    """Return the examples of an adaptation with their margins; raises ApiError where none were stored."""
    return _margins(_caller(), adaptation_id)


def episode(model: str, *, ways: int, shots: int, queries: int, seed: int = 0) -> Episode | None:
    """Return a task from the examples that are stored with a model, None where there are too few for it."""
    return _episode(_caller(), model, ways, shots, queries, seed)


def predict(adaptation_id: str, images: tuple[bytes, ...]) -> list[Prediction]:
    """Classify image files, in their order, in as many requests as the service's limits ask for."""
    return _predict(_caller(), adaptation_id, images)


def answered(
    service: Client, limits: Limits, adaptation_id: str, images: Sequence[bytes]
) -> list[Prediction]:
    """Classify image files as `predict` does; nothing is kept, and any thread may call it."""
    batches: list[list[bytes]] = [[]]
    for image in images:
        full = len(batches[-1]) == limits.max_predictions
        if full or sum(map(len, batches[-1])) + len(image) > BODY_SHARE * limits.max_body_bytes:
            batches.append([])
        batches[-1].append(image)
    return [answer for batch in batches if batch for answer in service.predict(adaptation_id, batch)]


def facets() -> ExperimentFacets:
    """Return what the list of experiments can be asked for, at most half a minute old."""
    return _facets(_caller())


def metrics(
    experiment: Experiment,
    names: tuple[str, ...] | None = None,
    *,
    points: int,
    first_step: int | None = None,
    last_step: int | None = None,
) -> Metrics:
    """Return curves of an experiment, which are asked for again once it has changed."""
    bounds = points, first_step, last_step
    return _metrics(_caller(), experiment.id, experiment.updated_at, names, *bounds)


@st.cache_resource(show_spinner=False, max_entries=100, on_release=Client.close)
def _client(key: str | None) -> Client:
    return Client(api_key=key)


def _caller() -> str:
    """Tell visitors with different keys apart: what one is answered is not the other's to see."""
    return hashlib.sha256(st.session_state.get(KEY, "").encode()).hexdigest()


@st.cache_data(show_spinner=False, max_entries=2000)
def _view(caller: str, image: bytes, model: str) -> View:
    # The service looks first: what it takes is safe to open here too.
    seen = client().preprocess(image, model)
    return View(thumbnail(image), seen)


@st.cache_data(show_spinner=False, max_entries=200)
def _episode(caller: str, model: str, ways: int, shots: int, queries: int, seed: int) -> Episode | None:
    try:
        return client().episode(model, ways=ways, shots=shots, queries=queries, seed=seed)
    except ApiError as error:
        if error.type.endswith(("/no-examples", "/too-few-examples")):
            return None
        raise


@st.cache_data(show_spinner=False, max_entries=100)
def _margins(caller: str, adaptation_id: str) -> list[LabelledExample]:
    return client().examples(adaptation_id, margins=True)


@st.cache_data(show_spinner=False, max_entries=100)
def _predict(caller: str, adaptation_id: str, images: tuple[bytes, ...]) -> list[Prediction]:
    return answered(client(), client().limits(), adaptation_id, images)


@st.cache_data(show_spinner=False, max_entries=100, ttl=30)
def _facets(caller: str) -> ExperimentFacets:
    return client().experiment_facets()


@st.cache_resource(show_spinner=False, max_entries=100)  # as it is: to copy thousands of points takes longer
def _metrics(
    caller: str,
    experiment_id: str,
    updated_at: datetime,
    names: tuple[str, ...] | None,
    points: int,
    first_step: int | None,
    last_step: int | None,
) -> Metrics:
    return client().metrics(experiment_id, names, points, first_step=first_step, last_step=last_step)
