"""A service with keys is asked with the visitor's own, which stays in the session."""

import pytest

from imaml.client import Client
from imaml.store import Store
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text
from tests.services import Examples


@pytest.fixture
def key(api: Client, api_store: Store) -> str:
    """A key of another tenant; with it the service has keys."""
    with api_store.transaction() as transaction:
        transaction.models.share("small")
        return transaction.keys.create("acme", ["adapt", "predict", "review"])[1]


def test_visitor_gives_a_key_and_goes_on(api: Client, key: str, open_page: Open, two: Examples) -> None:
    app = open_page(api.url)
    assert "The service asks for a key" in text(app)
    app.text_input[0].set_value("imaml_wrong")
    app.button[0].click().run()
    assert "The key is unknown" in text(app)
    app.text_input[0].set_value(key)
    app.button[0].click().run()
    assert app.selectbox(key="model").value == "small:1"
    app.button(key="sample").click().run()
    assert "Learned 5 classes" in html(app)
    assert not app.exception
    assert not any(key in value for values in app.query_params.values() for value in values)
    with Client(api.url, key) as client:
        assert len(client.adaptations()) == 1


def test_keys_are_each_visitor_s_own(api: Client, key: str, open_page: Open) -> None:
    first = open_page(api.url)
    first.text_input[0].set_value(key)
    first.button[0].click().run()
    assert first.selectbox(key="model").value == "small:1"
    assert "The service asks for a key" in text(open_page(api.url))
