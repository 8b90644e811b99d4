"""What was learned, to take away: a program that asks it, the model itself, and a link to this page."""

import shlex
from pathlib import PurePath

import streamlit as st

from dashboard.connection import client
from dashboard.teach.lesson import Desk, Lesson

_PROGRAM = """from imaml.client import Client

with Client("{url}") as client:
    taught = client.adapt("{model}", {{
{classes}    }}{options})
    [answer] = client.predict(taught.id, ["new.png"])
print(answer.label, answer.confidence)"""
_REQUESTS = """curl {url}/v1/adaptations --form model={model}{options} \\
{examples}

curl {url}/v1/adaptations/{id}/predictions --form images=@new.png"""


def take_away(desk: Desk, lesson: Lesson) -> None:
    """Draw the calls that do the same, filled in, and what else can be taken along."""
    adaptation, service = lesson.adaptation, client()
    with st.expander("Take it away", icon=":material/code:"):
        st.markdown("The same in a program; the files of your examples stand for those that you gave here.")
        st.code(_program(desk, lesson), language="python")
        st.code(_requests(desk, lesson), language="sh")
        st.download_button(
            "Download the model",
            lambda: service.export(adaptation.id),
            file_name="classifier.zip",
            mime="application/zip",
            icon=":material/download:",
            help="For ONNX Runtime, with its weights, its classes and an example that asks it.",
            on_click="ignore",
        )
        st.caption("The address of this page opens it again, for as long as the service keeps it.")


def _files(desk: Desk) -> dict[str, list[str]]:
    """File names by class; what was drawn gets a number."""
    return {
        group.name.strip(): [
            picture.name if PurePath(picture.name).suffix else f"{picture.name} {number}.png"
            for number, picture in enumerate(group.pictures, 1)
        ]
        for group in desk.groups
        if group.pictures
    }


def _program(desk: Desk, lesson: Lesson) -> str:
    classes = "".join(f"        {name!r}: {files!r},\n" for name, files in _files(desk).items())
    options = "".join(f", {name}={value}" for name, value in lesson.options.items())
    return _PROGRAM.format(url=client().url, model=lesson.model, classes=classes, options=options)


def _requests(desk: Desk, lesson: Lesson) -> str:
    examples = [
        f"  --form {shlex.quote(f'examples=@{file}')} --form {shlex.quote(f'labels={name}')}"
        for name, files in _files(desk).items()
        for file in files
    ]
    return _REQUESTS.format(
        url=client().url,
        model=lesson.model,
        options="".join(f" --form {name}={value}" for name, value in lesson.options.items()),
        examples=" \\\n".join(examples),
        id=lesson.adaptation.id,
    )
