"""Many answers as one table, with their images."""

from collections.abc import Sequence

import streamlit as st

from dashboard import connection, pictures
from dashboard.downloads import csv_download
from dashboard.teach.lesson import Lesson, Query
from dashboard.teach.verdicts import is_right, said
from imaml.client import Prediction

ROW_HEIGHT = 44  # pixels


def answer_table(lesson: Lesson, queries: Sequence[Query], predictions: Sequence[Prediction]) -> list[int]:
    """Draw what each query got as an answer; a click on a column's head sorts by it.

    Return the number of the row that is selected, if one is.
    """
    rows = _rows(lesson, queries, predictions)
    images = (pictures.address(connection.view(query.picture.data, lesson.model).sent) for query in queries)
    columns = (
        [*rows[0]] if any(lesson.truth(query) for query in queries) else ["Name", "Answer", "Confidence"]
    )
    table = st.dataframe(
        [{"Image": image, **row} for image, row in zip(images, rows, strict=True)],
        column_order=["Image", *columns],
        column_config={
            "Image": st.column_config.ImageColumn(width="small"),
            "Confidence": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
        row_height=ROW_HEIGHT,
        hide_index=True,
        # Rows are selected by their place: where there are others, it must be another table.
        key=f"answers-{hash(tuple(query.number for query in queries))}",
        on_select="rerun",
        selection_mode="single-row",
        alt="Answers",
    )
    return table.selection.rows


def answers_csv(lesson: Lesson, queries: Sequence[Query], predictions: Sequence[Prediction]) -> None:
    """Draw the button that downloads all answers, with the confidence in each class."""
    rows = _rows(lesson, queries, predictions)
    shares = (
        {f"p({label})": share for label, share in answer.probabilities.items()} for answer in predictions
    )
    csv_download([{**row, **each} for row, each in zip(rows, shares, strict=True)], "answers.csv")


def _rows(
    lesson: Lesson, queries: Sequence[Query], predictions: Sequence[Prediction]
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for query, prediction in zip(queries, predictions, strict=True):
        truth = lesson.truth(query)
        rows.append(
            {
                "Name": query.picture.name,
                "Answer": said(prediction),
                "Confidence": prediction.confidence,
                "Known class": truth,
                "Verdict": truth and ("right" if is_right(prediction, truth) else "wrong"),
            }
        )
    return rows
