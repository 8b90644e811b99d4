"""The API as the pages call it: one client, and answers that never change kept in memory."""

from dataclasses import dataclass

import streamlit as st

from dashboard.lesson import BODY_SHARE
from dashboard.pictures import thumbnail
from imaml.client import Client, Prediction


@st.cache_resource(show_spinner=False, on_release=Client.close)
def client() -> Client:
    """Return the one client of this process; IMAML_API_URL says where it calls."""
    return Client()


@dataclass(frozen=True)
class View:
    """An image as it was sent and as the model sees it, both small PNG files."""

    sent: bytes
    seen: bytes


@st.cache_data(show_spinner=False, max_entries=2000)
def view(image: bytes, model: str) -> View:
    """Return both views of an image file; raises ApiError where it is none that the service reads."""
    # The service looks first: what it takes is safe to open here too.
    seen = client().preprocess(image, model)
    return View(thumbnail(image), seen)


@st.cache_data(show_spinner=False, max_entries=100)
def predict(adaptation_id: str, images: tuple[bytes, ...]) -> list[Prediction]:
    """Classify image files, in their order, in as many requests as the service's limits ask for."""
    limits = client().limits()
    batches: list[list[bytes]] = [[]]
    for image in images:
        full = len(batches[-1]) == limits.max_predictions
        if full or sum(map(len, batches[-1])) + len(image) > BODY_SHARE * limits.max_body_bytes:
            batches.append([])
        batches[-1].append(image)
    return [answer for batch in batches if batch for answer in client().predict(adaptation_id, batch)]
