"""Predictions, each beside its image."""

from collections.abc import Mapping
from html import escape
from itertools import repeat

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.charts import solving
from dashboard.charts.frame import show
from dashboard.teach.lesson import Desk, Lesson, Query
from imaml.client import Prediction

CARD_WIDTH = 190  # pixels, below which the grid has a column less
LEAST_CONFUSED = 10  # images of known classes, for a confusion matrix
MOST_CORRECTED = 24
"""Answers that can be put right where they stand; of more, the page would become slow."""


def answers(desk: Desk, lesson: Lesson) -> tuple[Query, int] | None:
    """Draw the answer to each query, and the accuracy where their classes are known.

    Return the query whose answer the visitor puts right, with the number of its class.
    """
    queries = desk.queries
    images = tuple(query.picture.data for query in queries)
    predictions = connection.predict(lesson.adaptation.id, images)
    truths = [lesson.names.get(query.group) if query.group is not None else None for query in queries]
    known = [(truth, answer) for truth, answer in zip(truths, predictions, strict=True) if truth is not None]
    if known:
        right = sum(_right(answer, truth) for truth, answer in known)
        st.html(f'<p class="outcome">{sentences.share(right, len(known))}</p>')
        if len(known) >= LEAST_CONFUSED:
            with st.expander("Which classes it confuses", icon=":material/grid_on:"):
                show(solving.confusion([(truth, _said(answer)) for truth, answer in known]), "Confusion")
    articles = map(_article, queries, predictions, truths, repeat(lesson.model))
    if len(queries) > MOST_CORRECTED:
        st.html(f'<div class="answers">{"".join(articles)}</div>')
        return None
    there = {group.number for group in desk.groups}
    classes = {number: name for number, name in lesson.names.items() if number in there}
    with st.grid(min_column_width=CARD_WIDTH, gap="small"):
        for query, article in zip(queries, articles, strict=True):
            with st.container(border=True, gap="xsmall"):
                st.html(article)
                if (number := _correction(query, classes)) is not None:
                    return query, number
    return None


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


def _article(query: Query, prediction: Prediction, truth: str | None, model: str) -> str:
    view = connection.view(query.picture.data, model)
    label = _said(prediction)
    kind = "" if truth is None else "right" if _right(prediction, truth) else "wrong"
    return (
        f'<article class="answer {kind} {"unknown" if prediction.unknown else ""}">'
        f"{pictures.pair(view.sent, view.seen, query.picture.name)}"
        f'<div class="verdict"><strong>{escape(label)}</strong>{_remark(prediction, truth)}</div>'
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
    second = "right" if _right(prediction, truth) else f"it is {escape(truth)}"
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


def _said(prediction: Prediction) -> str:
    return "none of these" if prediction.unknown else prediction.label


def _right(prediction: Prediction, truth: str) -> bool:
    return prediction.label == truth and not prediction.unknown
