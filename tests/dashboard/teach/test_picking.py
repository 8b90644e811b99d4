"""A class gets its examples from the images that come with the model, one click each."""

from streamlit.testing.v1 import AppTest

from imaml.client import Client
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text


def _labels(app: AppTest, key: str) -> list[str]:
    return [button.label for button in app.button if (button.key or "").startswith(key)]


def test_examples_and_queries_are_picked_from_samples(api: Client, open_page: Open) -> None:
    app = open_page(api.url)
    for way in ("way", "query-way"):
        app.session_state[way] = "Samples"
    app.run()
    assert len(_labels(app, "pick-images-1-")) == 9
    for number, pick in ((1, 0), (1, 1), (2, 3)):
        app.button(key=f"pick-images-{number}-{pick}").click().run()
    assert "2 examples" in text(app)
    assert "Used: 2 of 6 classes, 3 of 1,000 images" in text(app)
    for number in (1, 2):
        app.text_input(key=f"name-{number}").set_value(f"class {number}")
    app.run()
    app.button(key="teach").click().run()
    assert "Learned 2 classes from 3 examples" in html(app)
    app.button(key="pick-queries-5").click().run()
    assert html(app).count("<article") == 1
    assert not app.exception


def test_other_samples_are_shown_on_demand(api: Client, open_page: Open) -> None:
    app = open_page(api.url)
    app.session_state["way"] = "Samples"
    app.run()
    first = _labels(app, "pick-images-1-")
    app.button(key="others-way").click().run()
    second = _labels(app, "pick-images-1-")
    assert len(second) == len(first)
    assert second != first
