"""The first screen: three sets of examples, each taught with one click."""

import pytest

from dashboard.teach.example_sets import SETS
from imaml.client import Client
from imaml.store import Bundle, Store, bundles
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text


@pytest.mark.parametrize(
    ("number", "learned", "asked"),
    [
        (1, "Learned 5 classes from 5 examples in", 10),
        (2, "Learned 3 classes from 9 examples in", 6),
        (3, "Learned 6 classes from 6 examples in", 6),  # as many as the model tells apart
    ],
)
def test_one_click_teaches_a_set_and_answers_what_it_asks(
    api: Client, open_page: Open, number: int, learned: str, asked: int
) -> None:
    app = open_page(api.url)
    assert html(app).count('<div class="thumbnails">') == len(SETS)
    app.button(key=f"teach-set-{number}").click().run()
    assert not app.exception
    assert learned in html(app)
    assert f" of {asked} images right: " in html(app)
    assert html(app).count("<article") == asked
    assert not [button for button in app.button if (button.key or "").startswith("teach-set-")]


def test_model_without_examples_offers_none(
    api: Client, api_store: Store, open_page: Open, photo_bundle: Bundle
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("photos", bundles.write(photo_bundle))
    app = open_page(api.url, query={"model": "photos:1"})
    assert not app.exception
    assert "Start with an example" not in text(app)
    assert "Samples" not in str(app.segmented_control(key="way").options)
    app.selectbox(key="model").set_value("small:1").run()
    assert "Start with an example" in text(app)
    assert "Samples" in str(app.segmented_control(key="way").options)


def test_starter_model_is_chosen_where_there_is_one(
    api: Client, api_store: Store, open_page: Open, model_file: bytes
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("starter", model_file)
        transaction.models.add("newest", model_file)
    assert open_page(api.url).selectbox(key="model").value == "starter:1"
