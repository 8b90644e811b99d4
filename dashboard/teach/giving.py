"""Images from a visitor: drawn on a pad, uploaded, or taken with the camera."""

import re
from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import connection
from dashboard.teach import archive, picking
from dashboard.teach.lesson import Picture
from dashboard.teach.limits import most_megabytes
from dashboard.teach.pad import pad
from imaml.client import ApiError, Limits, Model

DRAW, UPLOAD, CAMERA, SAMPLES = "Draw", "Upload", "Camera", "Samples"
WAYS = {
    DRAW: ":material/draw:",
    UPLOAD: ":material/upload:",
    CAMERA: ":material/photo_camera:",
    SAMPLES: ":material/photo_library:",
}
FORMATS = ["png", "jpg", "jpeg", "webp", "bmp"]


def chosen_way(model: Model, key: str) -> str:
    """Draw the choice between the ways; a model on greys, such as drawings are, begins with the pad."""
    default = DRAW if model.input["channels"] == 1 else UPLOAD
    ways = [way for way in WAYS if way != SAMPLES or picking.has_samples(model.reference)]
    if st.session_state.get(key) not in ways:
        st.session_state[key] = default
    chosen = st.segmented_control(
        "Give images by",
        ways,
        format_func=lambda way: f"{WAYS[way]} {way}",
        key=key,
        required=True,
        label_visibility="collapsed",
    )
    if chosen == SAMPLES:
        picking.others(model.reference, f"others-{key}")
    return chosen or default


def given(
    way: str, label: str, action: str, key: str, limits: Limits, model: str
) -> tuple[list[Picture], list[str]]:
    """Draw one of the ways; return the images that came, and in a sentence each what was refused.

    With another key it is empty again.
    """
    if way == DRAW:
        drawing = pad(label, action, f"pad-{key.rpartition('-')[0]}")  # which empties itself
        return _seen([Picture("drawing", drawing)] if drawing else [], model)
    if way == SAMPLES:
        return picking.picked(model, key.rpartition("-")[0]), []
    if way == CAMERA:
        photograph = st.camera_input(label, key=f"camera-{key}", label_visibility="collapsed")
        return _seen([Picture("photograph", photograph.getvalue())] if photograph else [], model)
    return uploaded(label, key, limits, model)


def uploaded(label: str, key: str, limits: Limits, model: str) -> tuple[list[Picture], list[str]]:
    """Draw an uploader for images and zips of them; return what came as `given` does."""
    files = st.file_uploader(
        label,
        [*FORMATS, "zip"],
        accept_multiple_files=True,
        key=key,
        label_visibility="collapsed",
        max_upload_size=most_megabytes(limits),
    )
    with st.spinner("Reading the images"):
        return _read(files, limits, model)


def _read(files: Sequence[UploadedFile], limits: Limits, model: str) -> tuple[list[Picture], list[str]]:
    pictures: list[Picture] = []
    refused: list[str] = []
    for file in files:
        if not file.name.lower().endswith(".zip"):
            pictures.append(Picture(file.name, file.getvalue()))
            continue
        try:
            pictures += archive.pictures(file.name, file.getvalue(), limits.max_body_bytes)
        except archive.ArchiveError as error:
            refused.append(str(error))
    seen, unseen = _seen(pictures, model)
    return seen, [*refused, *unseen]


def _seen(pictures: Sequence[Picture], model: str) -> tuple[list[Picture], list[str]]:
    """Part what the model can see from what the service refuses."""
    seen: list[Picture] = []
    refused: list[str] = []
    for picture in pictures:
        try:
            connection.view(picture.data, model)
            seen.append(picture)
        except ApiError as error:
            reason = re.sub(r"^\w+: ", "", str(error))  # the visitor knows the file by its name
            refused.append(f"{picture.name}: {reason}")
    return seen, refused
