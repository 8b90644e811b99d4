"""What was learned, to take away: a program that asks it, the model itself, and a link to this page."""

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

import streamlit as st

from dashboard.connection import KEY, client
from dashboard.teach.giving import FORMATS
from dashboard.teach.lesson import Desk, Group, Lesson, Picture

KEY_VARIABLE = "IMAML_API_KEY"

_PROGRAM = """from imaml.client import Client

with Client("{url}") as client:
    taught = client.adapt("{model}", {{
{classes}    }}{options})
    [answer] = client.predict(taught.id, ["new.png"])
print(answer.label, answer.confidence)"""
_REQUESTS = """curl {header}{url}/v1/adaptations --form-string {model}{options} \\
{examples}

curl {header}{url}/v1/adaptations/{id}/predictions --form images=@new.png"""
_HEADER = f'--header "Authorization: Bearer ${KEY_VARIABLE}" '


def take_away(desk: Desk, lesson: Lesson) -> None:
    """Draw the calls that do the same, filled in, and what else can be taken along."""
    adaptation, service = lesson.adaptation, client()
    with st.expander("Take it away", icon=":material/code:", key="take-away"):
        st.markdown("The same in a program; the files of your examples stand for those that you gave here.")
        st.code(_program(desk, lesson), language="python")
        with_key = bool(st.session_state.get(KEY) or os.environ.get(KEY_VARIABLE))
        st.code(_requests(desk, lesson, _HEADER if with_key else ""), language="sh")
        if with_key:
            st.caption(f"Both take your key from the environment variable `{KEY_VARIABLE}`.")
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


def file_names(groups: Sequence[Group]) -> dict[str, list[str]]:
    """Return a file name for each example by class: no two alike, and none that curl takes for more."""
    taken: set[str] = set()
    names: dict[str, list[str]] = {}
    for group in groups:
        for number, picture in enumerate(group.pictures, 1):
            name = _unique(_file_name(group, picture, number), taken)
            taken.add(name.casefold())
            names.setdefault(group.name.strip(), []).append(name)
    return names


def _file_name(group: Group, picture: Picture, number: int) -> str:
    """Return the name that a file had; what was drawn gets its class and a number."""
    if not picture.name.lower().endswith(tuple(f".{suffix}" for suffix in FORMATS)):
        return f"{_safe(group.name)}/{number}.png"
    return "/".join(_safe(part) for part in (picture.folder, picture.name) if part)


def _safe(name: str) -> str:
    return re.sub(r"[^\w .()+-]+", "-", name).strip(" .-") or "class"


def _unique(name: str, taken: set[str]) -> str:
    path, number, unique = PurePosixPath(name), 1, name
    while unique.casefold() in taken:
        number += 1
        unique = str(path.with_stem(f"{path.stem} {number}"))
    return unique


def _program(desk: Desk, lesson: Lesson) -> str:
    files = file_names(desk.groups)
    classes = "".join(f"        {label!r}: {names!r},\n" for label, names in files.items())
    options = "".join(f", {name}={value}" for name, value in lesson.options.items())
    return _PROGRAM.format(url=client().url, model=lesson.model, classes=classes, options=options)


def _requests(desk: Desk, lesson: Lesson, header: str) -> str:
    examples = [
        # What is a string is sent as it is, whatever curl would make of an @ or a semicolon in it.
        f"  --form {shlex.quote(f'examples=@{name}')} --form-string {shlex.quote(f'labels={label}')}"
        for label, names in file_names(desk.groups).items()
        for name in names
    ]
    return _REQUESTS.format(
        header=header,
        url=client().url,
        model=shlex.quote(f"model={lesson.model}"),
        options="".join(f" --form-string {name}={value}" for name, value in lesson.options.items()),
        examples=" \\\n".join(examples),
        id=lesson.adaptation.id,
    )
