"""Predictions, each beside its image."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.charts import solving
from dashboard.charts.frame import show
from dashboard.teach.answer_table import answer_table, answers_csv
from dashboard.teach.lesson import Desk, Lesson, Query
from dashboard.teach.verdicts import is_right, said
from imaml.client import Prediction

CARD_WIDTH = 180  # pixels, below which the grid has a column less
LEAST_CONFUSED = 10  # images of known classes, for a confusion matrix
MOST_CARDS = 24
"""Answers that are drawn as cards, to be put right where they stand; of more, the one that is selected."""


def answers(desk: Desk, lesson: Lesson) -> tuple[Query, int] | None:
    """Draw the answer to each query, and the accuracy where their classes are known.

    Return the query whose answer the visitor puts right, with the number of its class.
    """
    queries = desk.queries
    with st.spinner("Asking"):
        predictions = connection.predict(lesson.adaptation.id, tuple(query.picture.data for query in queries))
    _score(lesson, queries, predictions)
    _unscored(lesson, queries)
    answers_csv(lesson, queries, predictions)
    shown = list(zip(queries, predictions, strict=True))
    if len(queries) > MOST_CARDS:
        st.caption("Select a row to see its answer in full, and to put it right where it is wrong.")
        shown = [shown[row] for row in answer_table(lesson, queries, predictions)]
    there = {group.number for group in desk.groups}
    classes = {number: name for number, name in lesson.names.items() if number in there}
    with st.grid(min_column_width=CARD_WIDTH, gap="small"):
        for query, prediction in shown:
            with st.container(border=True, gap="xsmall"):
                st.html(_article(query, prediction, lesson))
                if (number := _correction(query, classes)) is not None:
                    return query, number
    return None


def _score(lesson: Lesson, queries: Sequence[Query], predictions: Sequence[Prediction]) -> None:
    truths = lesson.scored(queries)
    answered = {query.number: answer for query, answer in zip(queries, predictions, strict=True)}
    known = [(truth, answered[number]) for number, truth in truths.items()]
    if not known:
        return
    right = sum(is_right(answer, truth) for truth, answer in known)
    st.html(f'<p class="outcome">{sentences.share(right, len(known))}</p>')
    if len(known) >= LEAST_CONFUSED:
        with st.expander("Which classes it confuses", icon=":material/grid_on:", key="confusion"):
            show(solving.confusion([(truth, said(answer)) for truth, answer in known]), "Confusion")


def _unscored(lesson: Lesson, queries: Sequence[Query]) -> None:
    """Tell which folders are none of its classes, so that nobody takes their images for counted."""
    folders = [
        query.picture.folder
        for query in queries
        if query.picture.folder and not query.learned and lesson.truth(query) is None
    ]
    if not folders:
        return
    names = [f"“{sentences.plain(folder)}”" for folder in dict.fromkeys(folders)]
    images, are = sentences.count(len(folders), "image"), "is" if len(folders) == 1 else "are"
    none = "is no class" if len(names) == 1 else "are no classes"
    st.caption(
        f"{images} {are} not counted as right or wrong: {sentences.some(names)} {none} that it learned."
    )


def _correction(query: Query, classes: Mapping[int, str]) -> int | None:
    """Draw what a wrong answer is put right by."""
    if query.learned:
        st.caption("Now one of the examples.")
        return None
    return st.selectbox(
        "Wrong? It is …",
        list(classes),
        index=None,
        format_func=lambda number: classes[number],
        placeholder="Wrong? It is …",
        key=f"correct-{query.number}",
        label_visibility="collapsed",
    )


def _article(query: Query, prediction: Prediction, lesson: Lesson) -> str:
    view, truth = connection.view(query.picture.data, lesson.model), lesson.truth(query)
    kind = "" if truth is None else "right" if is_right(prediction, truth) else "wrong"
    return (
        f'<article class="answer {kind} {"unknown" if prediction.unknown else ""}">'
        f"{pictures.pair(view.sent, view.seen, query.picture.name)}"
        f'<div class="verdict"><strong>{escape(said(prediction))}</strong>{_remark(prediction, truth)}</div>'
        f"{_bars(prediction)}</article>"
    )


def _remark(prediction: Prediction, truth: str | None) -> str:
    confidence = escape(sentences.percent(prediction.confidence))
    if prediction.unknown:
        first = f"closest: {escape(prediction.label)}, {confidence}"
    else:
        first = f"{confidence} sure"
    if truth is None:
        return f"<span>{first}</span>"
    second = "right" if is_right(prediction, truth) else f"it is {escape(truth)}"
    return f'<span>{first}</span><span class="truth">{second}</span>'


def _bars(prediction: Prediction) -> str:
    ordered = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    rows = (
        f'<li><span class="name" title="{escape(label)}">{escape(label)}</span>'
        f'<span class="track"><span style="width:{100 * share:.1f}%"></span></span>'
        f'<span class="share">{escape(sentences.percent(share))}</span></li>'
        for label, share in ordered
    )
    # Reachable by keyboard, since a long list scrolls.
    return f'<ol class="bars" tabindex="0" aria-label="Confidence by class">{"".join(rows)}</ol>'
