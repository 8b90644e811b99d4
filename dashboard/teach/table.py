"""Teaching a model that learns from vectors: rows are pasted or uploaded, and so are new ones to try."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.downloads import csv_download
from dashboard.failures import refusal_shown
from dashboard.teach.learned import learned
from dashboard.teach.lesson import Lesson, Options
from dashboard.teach.limits import most_megabytes
from dashboard.teach.recipe import recipe
from dashboard.teach.rows import Row, RowsError, parse, text_of
from imaml.client import Limits, Model, Prediction

SHOTS, QUERIES = 3, 2
MOST_WAYS = 3
HEIGHT = 200  # of a table, in pixels


def table(model: Model, limits: Limits) -> None:
    """Draw the whole path: examples, what was learned, new rows and their answers."""
    length = model.input["length"]
    first = "a number to predict" if model.task == "regression" else "a label"
    st.header("Show it examples", anchor=False)
    st.markdown(
        f"One example a line: {first}, then {sentences.count(length, 'number')}. Paste or upload CSV."
    )
    if model.task == "classification":
        st.button("Try an example", key="sample", icon=":material/casino:", on_click=_sample, args=[model])
    rows = _entry("Examples", f"rows-{model.id}", length, limits)
    missing = _hindrance(rows, model, limits)
    with st.container(horizontal=True, vertical_alignment="center", key="actions"):
        options = recipe(model, limits)
        if st.button("Teach", key="teach", type="primary", icon=":material/school:", disabled=bool(missing)):
            _teach(model, rows, options)
    if missing:
        st.caption(missing)
    lesson: Lesson | None = st.session_state.get(f"lesson-{model.id}")
    if lesson is not None:
        st.header("What it learned", anchor=False)
        learned(lesson)
        st.header("Try new rows", anchor=False)
        _answers(model, lesson, _entry("New rows", f"new-{model.id}", length, limits), limits)


def _entry(title: str, key: str, length: int, limits: Limits) -> list[Row]:
    """Draw an uploader and the text that it fills; return the rows of it, none where they cannot be read."""
    uploads = st.session_state.setdefault(f"{key}-uploads", 0)
    file = st.file_uploader(
        f"{title} as CSV",
        ["csv"],
        key=f"file-{key}-{uploads}",
        label_visibility="collapsed",
        max_upload_size=most_megabytes(limits),
    )
    if file is not None:
        st.session_state[key] = file.getvalue().decode("utf-8-sig", "replace")
        st.session_state[f"{key}-uploads"] += 1  # another key, so that the uploader is empty again
        st.rerun()
    text = st.text_area(title, key=key, height=HEIGHT)
    try:
        return parse(text, length)
    except RowsError as error:
        st.error(sentences.plain(str(error)))
        return []


def _hindrance(rows: list[Row], model: Model, limits: Limits) -> str:
    """Return what is still missing or too much for a lesson, nothing where nothing is."""
    labels = {row.target for row in rows}
    if not rows or "" in labels:
        return "Give every row what belongs to it, as its first column."
    if len(rows) > limits.max_examples:
        return f"{len(rows)} rows are more than the {limits.max_examples} that fit a lesson; remove some."
    if model.task == "classification" and not model.ways.min <= len(labels) <= model.ways.max:
        return (
            f"There are {sentences.count(len(labels), 'label')}; "
            f"the model tells {model.ways.min} to {model.ways.max} apart."
        )
    return ""


def _teach(model: Model, rows: list[Row], options: Options) -> None:
    with refusal_shown(), st.spinner("Learning"):
        try:
            targets = [float(row.target) if model.task == "regression" else row.target for row in rows]
        except ValueError:
            st.error("The first column must be the numbers to predict.")
            return
        pairs = [(row.numbers, target) for row, target in zip(rows, targets, strict=True)]
        adaptation = client().adapt(model.id, pairs, **options)
        st.session_state[f"lesson-{model.id}"] = Lesson(adaptation, "", pairs, options=options)
        st.rerun()


def _sample(model: Model) -> None:
    """Fill both tables from the examples that come with the model."""
    ways = min(MOST_WAYS, model.ways.max)
    seed = st.session_state.setdefault("samples", 0)
    st.session_state["samples"] += 1
    with refusal_shown():
        episode = client().episode(model.id, ways=ways, shots=SHOTS, queries=QUERIES, seed=seed)
        for key, drawn in (("rows", episode.support), ("new", episode.query)):
            rows = [Row(example.label or "", tuple(example.input or ())) for example in drawn]
            st.session_state[f"{key}-{model.id}"] = text_of(rows)


def _answers(model: Model, lesson: Lesson, rows: list[Row], limits: Limits) -> None:
    if not rows:
        st.caption("Add rows that it has not seen, with or without what belongs to them.")
        return
    asked, numbers = rows[: limits.max_predictions], [row.numbers for row in rows[: limits.max_predictions]]
    with refusal_shown():
        if model.task == "regression":
            values = client().predict_numbers(lesson.adaptation.id, numbers)
            answers = [{"Answer": f"{value:.4g}"} for value in values]
        else:
            predictions = client().predict(lesson.adaptation.id, numbers)
            _accuracy(asked, predictions)
            answers = [
                {
                    "Answer": "none of these" if prediction.unknown else prediction.label,
                    "Closest": prediction.label,
                    "Confidence": sentences.percent(prediction.confidence),
                }
                for prediction in predictions
            ]
        shown = [{"Row": index, **answer} for index, answer in enumerate(answers, 1)]
        known = [{"Known": row.target} if row.target else {} for row in asked]
        rows_shown = [{**row, **truth} for row, truth in zip(shown, known, strict=True)]
        st.table(rows_shown, border="horizontal")
        csv_download(rows_shown, "answers.csv")


def _accuracy(asked: Sequence[Row], predictions: Sequence[Prediction]) -> None:
    """Draw how many are right, of those whose label is known."""
    answered = zip(asked, predictions, strict=True)
    right = [not answer.unknown and answer.label == row.target for row, answer in answered if row.target]
    if right:
        st.html(f'<p class="outcome">{sentences.share(sum(right), len(right), "row")}</p>')
