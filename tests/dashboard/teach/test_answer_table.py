"""Many answers are rows of a table, with their images."""

import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from imaml.client import Client
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, teach, text, upload
from tests.services import Examples


@pytest.fixture
def taught(api: Client, open_page: Open, two: Examples) -> AppTest:
    """The page after a lesson on two classes."""
    app = open_page(api.url)
    teach(app, two)
    return app


def test_more_answers_than_fit_cards_become_a_table(
    api: Client, taught: AppTest, queries: list[bytes]
) -> None:
    asked = (queries * 4)[:25]
    upload(taught, "queries-", asked[:24])
    assert html(taught).count("<article") == 24
    assert not taught.dataframe
    upload(taught, "queries-", asked[24:])
    assert not taught.exception
    assert "<article" not in html(taught)
    [table] = taught.dataframe
    [adaptation] = api.adaptations()
    expected = api.predict(adaptation.id, [*asked[24:], *asked[:24]])
    rows = table.value
    assert rows["Answer"].tolist() == ["none of these" if each.unknown else each.label for each in expected]
    assert rows["Confidence"].tolist() == pytest.approx([each.confidence for each in expected])
    assert rows["Image"].str.startswith("data:image/png;base64,").all()
    assert rows["Verdict"].isna().all()


def test_answer_in_the_table_is_put_right(taught: AppTest, api: Client, queries: list[bytes]) -> None:
    upload(taught, "queries-", (queries * 4)[:25])
    taught.session_state[taught.dataframe[0].key or ""] = {
        "selection": {"rows": [2], "columns": [], "cells": []}
    }
    taught.run()
    assert html(taught).count("<article") == 1
    desk = taught.session_state.desk
    group, query = desk.groups[1], desk.queries[2]
    examples = len(group.pictures)
    taught.selectbox(key=f"correct-{query.number}").set_value(group.number).run()
    assert not taught.exception
    assert group.pictures[examples:] == [query.picture]
    assert "Learned 2 classes from 7 examples" in html(taught)
    assert len(api.adaptations()) == 2


def test_table_tells_right_from_wrong_where_classes_are_known(
    api: Client, taught: AppTest, drawings: Examples, two: Examples
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for label in two:
            for number in range(13):
                archive.writestr(f"{label}/{number}.png", drawings[label][3 + number % 2])
        archive.writestr("neither of *them*/0.png", drawings["character 0"][3])
    [uploader] = [widget for widget in taught.file_uploader if (widget.key or "").startswith("queries-")]
    uploader.set_value([("set.zip", file.getvalue(), "application/zip")])
    taught.run()
    [table] = taught.dataframe
    rows = table.value
    assert rows["Known class"].isna().tolist() == [False] * 26 + [True]
    rows = rows[:26]
    assert rows["Known class"].tolist() == [label for label in two for _ in range(13)]
    agree = rows["Answer"] == rows["Known class"]
    assert rows["Verdict"].tolist() == ["right" if each else "wrong" for each in agree]
    assert f"{agree.sum()} of 26 images right" in html(taught)
    assert "1 image is not counted as right or wrong: “neither of *them*” is no class" in text(taught)
    assert "CSV" in [button.label for button in taught.get("download_button")]
