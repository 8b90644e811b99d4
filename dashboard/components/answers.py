"""Predictions, each beside its image."""

from collections.abc import Sequence
from html import escape
from itertools import repeat

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.lesson import Lesson, Query
from imaml.client import Prediction


def answers(queries: Sequence[Query], lesson: Lesson) -> None:
    """Draw the answer to each query, and the accuracy where their classes are known."""
    images = tuple(query.picture.data for query in queries)
    predictions = connection.predict(lesson.adaptation.id, images)
    truths = [lesson.names.get(query.group) if query.group is not None else None for query in queries]
    known = [(truth, answer) for truth, answer in zip(truths, predictions, strict=True) if truth is not None]
    if known:
        right = sum(_right(answer, truth) for truth, answer in known)
        share = sentences.percent(right / len(known))
        st.html(f'<p class="outcome">{right} of {sentences.count(len(known), "image")} right ({share}).</p>')
    articles = map(_article, queries, predictions, truths, repeat(lesson.model))
    st.html(f'<div class="answers">{"".join(articles)}</div>')


def _article(query: Query, prediction: Prediction, truth: str | None, model: str) -> str:
    view = connection.view(query.picture.data, model)
    label = "none of these" if prediction.unknown else prediction.label
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


def _right(prediction: Prediction, truth: str) -> bool:
    return prediction.label == truth and not prediction.unknown
