"""A file uploader that hands its files over and is empty again."""

import re

import streamlit as st

from dashboard import connection
from dashboard.lesson import Picture
from imaml.client import ApiError, Limits

FORMATS = ["png", "jpg", "jpeg", "webp", "bmp"]


def uploaded(label: str, key: str, limits: Limits, model: str) -> tuple[list[Picture], list[str]]:
    """Draw the uploader; return the images that came, and in a sentence each what was refused."""
    files = st.file_uploader(
        label,
        FORMATS,
        accept_multiple_files=True,
        key=key,
        label_visibility="collapsed",
        max_upload_size=max(1, limits.max_body_bytes // 2**20),
    )
    pictures: list[Picture] = []
    refused: list[str] = []
    for file in files:
        picture = Picture(file.name, file.getvalue())
        try:
            connection.view(picture.data, model)
            pictures.append(picture)
        except ApiError as error:
            reason = re.sub(r"^\w+: ", "", str(error))  # the visitor knows the file by its name
            refused.append(f"{picture.name}: {reason}")
    return pictures, refused
