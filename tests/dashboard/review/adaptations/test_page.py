"""Adaptations: listed in pages, of all models or one, opened in Teach, taken away and deleted."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.review.adaptations import listing
from imaml.client import Adaptation, Client
from imaml.store import Bundle, Store, bundles
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text
from tests.models import class_vectors
from tests.services import Examples

PAGE = "views/adaptations.py"


def _select(app: AppTest, *rows: int) -> None:
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": list(rows)}}
    app.run()


def _names(app: AppTest) -> list[object]:
    return app.dataframe[0].value["Name"].tolist()


@pytest.fixture
def pets(api: Client, two: Examples) -> Adaptation:
    """An adaptation with a name, kept for an hour."""
    return api.adapt("small", two, name="pets", ttl_seconds=3600)


def test_list_says_what_is_stored(api: Client, pets: Adaptation, open_page: Open, examples: Examples) -> None:
    api.adapt("small", examples, name="more", lam=3.0, store_examples=False)
    app = open_page(api.url, PAGE)
    assert not app.exception
    more, first = app.dataframe[0].value.to_dict("records")
    assert first["Name"] == "pets"
    assert first["Model"] == "small:1"
    assert first["Classes"] == ", ".join(pets.classes)
    assert first["Number"] == 2
    assert first["By"] == "without a key"
    assert first["Made"].to_pydatetime() == pets.created_at
    assert first["Expires"].to_pydatetime() == pets.expires_at
    assert (first["Validated"], first["Examples"]) == (True, True)
    assert first["Accuracy"].endswith(" %")
    assert more["Classes"].endswith(" and 1 more")
    assert (more["Validated"], more["Examples"]) == (False, False)
    assert app.download_button(key="csv-adaptations.csv").label == "CSV"


def test_list_says_whose_key_made_it(
    api: Client, open_page: Open, api_store: Store, two: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_store.transaction() as transaction:
        made, key = transaction.keys.create("local", ["adapt"])
    monkeypatch.setenv("IMAML_API_KEY", key)
    with Client(api.url) as client:
        client.adapt("small", two)
    app = open_page(api.url, PAGE)
    assert app.dataframe[0].value["By"].tolist() == [made.id]


def test_address_names_the_model_whose_adaptations_are_listed(
    api: Client, pets: Adaptation, open_page: Open, api_store: Store, model_file: bytes, two: Examples
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("other", model_file)
    api.adapt("other", two, name="theirs")
    app = open_page(api.url, PAGE, {"model": "small:1"})
    assert _names(app) == ["pets"]
    [model] = app.selectbox
    assert model.value == "small:1"
    model.set_value("other:1").run()
    assert _names(app) == ["theirs"]
    assert app.query_params["model"] == "other:1"
    app.selectbox[0].set_value(None).run()
    assert _names(app) == ["theirs", "pets"]
    assert "model" not in app.query_params


def test_unknown_model_in_the_address_is_a_sentence(api: Client, pets: Adaptation, open_page: Open) -> None:
    app = open_page(api.url, PAGE, {"model": "nothing:7"})
    assert not app.exception
    assert 'No model "nothing:7"' in text(app)
    app.selectbox[0].set_value(None).run()
    assert _names(app) == ["pets"]


def test_long_list_has_pages(
    api: Client, open_page: Open, two: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ON_A_PAGE", 2)
    for name in ("one", "two", "three"):
        api.adapt("small", two, name=name)
    app = open_page(api.url, PAGE)
    assert _names(app) == ["three", "two"]
    [following] = [button for button in app.button if button.label == "Next"]
    following.click().run()
    assert _names(app) == ["one"]
    shared = open_page(api.url, PAGE, {"cursor": app.query_params["cursor"]})
    assert _names(shared) == ["one"]
    api.delete_adaptation(api.adaptations()[-1].id)
    app.run()
    assert "Nothing is left on this page" in text(app)
    [before] = [button for button in app.button if button.label == "Previous"]
    before.click().run()
    assert _names(app) == ["three", "two"]


@pytest.mark.parametrize(
    ("query", "model"), [({}, "starter"), ({"model": "small:1"}, "small:1")], ids=["all", "of-a-model"]
)
def test_empty_list_says_how_one_comes_to_be(
    api: Client, open_page: Open, query: dict[str, str], model: str
) -> None:
    app = open_page(api.url, PAGE, query)
    assert "There is no adaptation" in text(app)
    [teach] = [link for link in app.page_link if link.value == "Teach"]
    assert teach.proto.query_string == ("model=small%3A1" if query else "")
    assert f'client.adapt("{model}"' in app.code[0].value


def test_what_was_learned_opens_in_teach(api: Client, pets: Adaptation, open_page: Open) -> None:
    app = open_page(api.url, PAGE)
    assert not app.page_link
    _select(app, 0)
    [link] = app.page_link
    assert link.proto.query_string == f"adaptation={pets.id}"
    assert not link.proto.disabled
    assert pets.id in text(app)
    taught = open_page(api.url, query={"adaptation": pets.id})
    assert "Learned 2 classes from 6 examples" in html(taught)


def test_what_teach_cannot_open_says_why(
    api: Client, open_page: Open, api_store: Store, two: Examples, vector_bundle: Bundle
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("vectors", bundles.write(vector_bundle))
    vectors = class_vectors(2, 2, seed=5)
    api.adapt("vectors", [(vectors[k, i].tolist(), f"class {k}") for k in range(2) for i in range(2)])
    api.adapt("small", two, store_examples=False)
    app = open_page(api.url, PAGE)
    for row, reason in ((0, "its examples were not kept"), (1, "learned from vectors")):
        _select(app, row)
        assert app.page_link[0].proto.disabled
        assert reason in text(app)


def test_several_are_deleted_after_confirmation(
    api: Client, pets: Adaptation, open_page: Open, two: Examples
) -> None:
    api.adapt("small", two, name="kept")
    unnamed = api.adapt("small", two)
    app = open_page(api.url, PAGE)
    _select(app, 0, 2)
    app.button(key="delete").click().run()
    assert "- pets" in text(app)
    assert f"- {', '.join(unnamed.classes)}" in text(app)
    assert len(api.adaptations()) == 3
    app.button(key="forget").click().run()
    assert not app.exception
    assert [adaptation.name for adaptation in api.adaptations()] == ["kept"]
    assert _names(app) == ["kept"]
    assert not [button for button in app.button if button.key == "delete"]  # nothing is selected any more


def test_one_that_is_gone_already_is_a_sentence(
    api: Client, pets: Adaptation, open_page: Open, two: Examples
) -> None:
    api.adapt("small", two, name="other")
    app = open_page(api.url, PAGE)
    _select(app, 0, 1)
    app.button(key="delete").click().run()
    api.delete_adaptation(pets.id)
    app.button(key="forget").click().run()
    assert not app.exception
    assert [info.value for info in app.info] == ["pets was gone already."]
    assert api.adaptations() == []


def test_key_that_may_not_delete_is_refused_in_a_sentence(
    api: Client, pets: Adaptation, open_page: Open, api_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_store.transaction() as transaction:
        key = transaction.keys.create("local", ["predict"])[1]
    monkeypatch.setenv("IMAML_API_KEY", key)
    app = open_page(api.url, PAGE)
    _select(app, 0)
    app.button(key="delete").click().run()
    app.button(key="forget").click().run()
    assert "The key has the scopes predict; this call needs adapt." in text(app)
    assert _names(app) == ["pets"]
