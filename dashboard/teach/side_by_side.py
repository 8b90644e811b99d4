"""The same examples taught in two ways, A and B, to see which is better."""

from collections.abc import Sequence

import streamlit as st

from dashboard import connection, pictures, sentences
from dashboard.downloads import csv_download
from dashboard.failures import refusal_shown
from dashboard.teach.lesson import Desk, Lesson, Query, Setting, Trial
from dashboard.teach.recipe import recipe
from dashboard.teach.trials import is_tried, trials
from dashboard.teach.verdicts import paired, right, said
from imaml.client import Limits, Model, Prediction

ROW_HEIGHT = 44  # pixels


def side_by_side(desk: Desk, lesson: Lesson, models: Sequence[Model], limits: Limits) -> None:
    """Draw the choice of the other way and, once it is asked for, what came of both."""
    with st.expander("Side by side with another model or setting", icon=":material/compare:", key="sides"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            other = _other(models, lesson, limits)
            same = other == lesson.setting
            clicked = st.button("Compare", key="compare", icon=":material/compare_arrows:", disabled=same)
        if same:
            st.caption("Choose another model, or another λ or number of steps.")
        elif clicked or is_tried(lesson, [other], desk.queries):
            with refusal_shown():
                _compare(desk.queries, lesson, other, limits)
        else:
            st.caption("Your examples, as they were taught, are A; what is taught here is B, and not kept.")


def _other(models: Sequence[Model], lesson: Lesson, limits: Limits) -> Setting:
    by_reference = {model.reference: model for model in models if model.takes_images}
    # Another model comes first, where there is any.
    references = sorted(by_reference, key=lambda reference: reference == lesson.model)
    chosen = by_reference[st.selectbox("Model of B", references, key="second-model", width=240)]
    return Setting(chosen.reference, **recipe(chosen, limits, "second-"))


def _compare(queries: Sequence[Query], lesson: Lesson, other: Setting, limits: Limits) -> None:
    with st.spinner("Learning the other way"):
        [second] = trials(lesson, [other], queries, limits)
        images = tuple(query.picture.data for query in queries)
        first = Trial(lesson.adaptation, connection.predict(lesson.adaptation.id, images))
    if second is None:
        st.error("B left the finite numbers; lower its λ or its steps.", icon=":material/error:")
        return
    truths = lesson.scored(queries)
    verdicts = [_verdicts(queries, trial, truths) for trial in (first, second)]
    for column, letter, trial, verdict in zip(st.columns(2), "AB", (first, second), verdicts, strict=True):
        with column:
            _outcome(letter, trial, verdict, len(lesson.support))
    if truths:
        st.markdown(paired(*verdicts))
    if queries:
        _answers(queries, lesson, first.answers, second.answers)
    else:
        st.caption("Add images to try, to see on which the two disagree.")


def _verdicts(queries: Sequence[Query], trial: Trial, truths: dict[int, str]) -> list[bool]:
    answers = (answer for query, answer in zip(queries, trial.answers, strict=True) if query.number in truths)
    return right(answers, truths.values())


def _outcome(letter: str, trial: Trial, verdicts: Sequence[bool], examples: int) -> None:
    adaptation = trial.adaptation
    solution = adaptation.solution
    model = sentences.plain(f"{adaptation.model}:{adaptation.model_version}")
    st.markdown(f"**{letter}: {model}**, {sentences.recipe(adaptation.recipe)}")
    if verdicts:
        st.html(f'<p class="outcome">{sentences.share(sum(verdicts), len(verdicts))}</p>')
    st.caption(
        f"{sentences.learned(adaptation, examples)} Support loss {solution.support_loss:.3g}, "
        f"distance {solution.distance:.3g}.",
        help="The support loss is that on your examples; the distance says how far the parameters moved. "
        "Neither can be compared between two models, nor says how good the answers are.",
    )


def _answers(
    queries: Sequence[Query], lesson: Lesson, first: Sequence[Prediction], second: Sequence[Prediction]
) -> None:
    rows: list[dict[str, object]] = []
    for query, a, b in zip(queries, first, second, strict=True):
        rows.append(
            {
                "Image": pictures.address(connection.view(query.picture.data, lesson.model).sent),
                "Name": query.picture.name,
                "Known class": lesson.truth(query),
                "A": said(a),
                "A is sure": a.confidence,
                "B": said(b),
                "B is sure": b.confidence,
            }
        )
    rows.sort(key=lambda row: row["A"] == row["B"])
    different, images = sum(row["A"] != row["B"] for row in rows), sentences.count(len(rows), "image")
    if different:
        st.caption(f"They disagree on {different} of {images}; these come first.")
    else:
        st.caption(f"They agree on all of {images}.")
    sure = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    st.dataframe(
        rows,
        column_order=[column for column in rows[0] if column != "Known class" or lesson.scored(queries)],
        column_config={
            "Image": st.column_config.ImageColumn(width="small"),
            "A is sure": sure,
            "B is sure": sure,
        },
        row_height=ROW_HEIGHT,
        hide_index=True,
        alt="Answers of A and B",
    )
    without_images = [{name: cell for name, cell in row.items() if name != "Image"} for row in rows]
    csv_download(without_images, "side-by-side.csv")
