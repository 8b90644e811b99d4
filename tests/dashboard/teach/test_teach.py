"""Teach: from nothing to a taught classifier, by a sampled task or one's own images."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from backend.settings import Settings
from imaml.client import Client
from imaml.store import Store
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, show, teach, text, upload
from tests.services import Examples, Serve


def _blank() -> bytes:
    file = io.BytesIO()
    Image.new("L", (40, 40), 255).save(file, "PNG")
    return file.getvalue()


def test_first_screen_says_what_this_is_and_what_to_do(api: Client, open_page: Open) -> None:
    app = open_page(api.url)
    assert not app.exception
    assert app.title[0].value == "Teach a classifier from a handful of examples"
    assert "adapts to your examples" in text(app)
    assert app.selectbox(key="model").value == "small:1"
    assert not app.button(key="sample").disabled
    assert app.button(key="teach").disabled
    assert "Name 2 classes at least" in text(app)


def test_one_click_teaches_and_tries_a_sampled_task(api: Client, open_page: Open) -> None:
    app = open_page(api.url)
    app.button(key="sample").click().run()
    assert not app.exception
    assert "Learned 5 classes from 5 examples in" in html(app)
    assert "Stopped after 5 steps: that is as far as the model's recipe goes." in text(app)
    assert " of 10 images right: " in html(app)
    assert html(app).count("<article") == 10
    assert html(app).count("<li>") == 10 * 5
    [adaptation] = api.adaptations()
    assert len(adaptation.classes) == 5


def test_next_sample_is_another_of_the_size_asked_for(api: Client, open_page: Open) -> None:
    app = open_page(api.url)
    app.button(key="sample").click().run()
    first = [field.value for field in app.text_input]
    app.number_input(key=f"ways-{api.model('small').id}").set_value(3)
    app.number_input(key="shots").set_value(2)
    app.button(key="sample").click().run()
    assert "Learned 3 classes from 6 examples" in html(app)
    assert [field.value for field in app.text_input] != first[:3]


def test_sample_larger_than_what_is_stored_is_refused_in_a_sentence(api: Client, open_page: Open) -> None:
    app = open_page(api.url)
    app.number_input(key="shots").set_value(9)
    app.button(key="sample").click().run()
    assert not app.exception
    assert "5 classes of 11 examples were asked for" in text(app)


def test_own_images_are_taught_and_tried(
    api: Client, open_page: Open, two: Examples, queries: list[bytes]
) -> None:
    app = open_page(api.url)
    teach(app, two)
    assert "Learned 2 classes from 6 examples in" in html(app)
    upload(app, "queries-", queries[:3])
    [adaptation] = api.adaptations()
    expected = api.predict(adaptation.id, queries[:3])
    articles = html(app).split("<article")[1:]
    assert len(articles) == 3
    for article, prediction in zip(articles, expected, strict=True):
        answer = "none of these" if prediction.unknown else prediction.label
        assert f"<strong>{answer}</strong>" in article
        assert article.count("<li>") == 2
    assert "images right" not in html(app)


def test_what_did_not_change_is_not_taught_again(api: Client, open_page: Open, two: Examples) -> None:
    app = open_page(api.url)
    teach(app, two)
    app.run()
    assert app.button(key="teach").disabled
    assert len(api.adaptations()) == 1
    app.text_input(key="name-1").set_value("another name").run()
    assert not app.button(key="teach").disabled
    assert "teach again to renew" in text(app)
    app.text_input(key="name-1").set_value(next(iter(two))).run()
    assert app.button(key="teach").disabled


def test_classes_and_images_come_and_go(api: Client, open_page: Open, two: Examples) -> None:
    app = open_page(api.url)
    show(app, two)
    app.button(key="add").click().run()
    assert len(app.file_uploader) == 1 + 3  # of a zip, and of each class
    app.button(key="remove-3").click().run()
    assert len(app.file_uploader) == 1 + 2
    app.button(key="drop-1-0").click().run()
    app.button(key="teach").click().run()
    assert "Learned 2 classes from 5 examples" in html(app)
    app.button(key="clear").click().run()
    assert [field.value for field in app.text_input] == ["", ""]
    assert "Learned" not in html(app)


def test_file_that_is_no_image_is_named_and_left_out(api: Client, open_page: Open, two: Examples) -> None:
    app = open_page(api.url)
    show(app, two)
    upload(app, "images-1-", [b"hello"], name="notes")
    assert "notes 0.png: the file is not a PNG" in text(app)
    app.button(key="teach").click().run()
    assert "Learned 2 classes from 6 examples" in html(app)
    assert "notes 0.png" not in text(app)
    upload(app, "queries-", [b"hello"], name="query")
    assert "query 0.png: the file is not a PNG" in text(app)
    upload(app, "queries-", next(iter(two.values()))[:1])
    assert "query 0.png: " not in text(app)
    assert not app.exception


def test_service_warnings_are_shown(api: Client, open_page: Open, two: Examples) -> None:
    app = open_page(api.url)
    teach(app, {**two, next(iter(two)): [_blank()]})
    [adaptation] = api.adaptations()
    assert adaptation.warnings
    assert [warning.value.replace("\\", "") for warning in app.warning] == list(adaptation.warnings)


def test_unknown_images_are_none_of_these(
    api: Client, api_store: Store, open_page: Open, strict_model: bytes, two: Examples, queries: list[bytes]
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("strict", strict_model)
    app = open_page(api.url, query={"model": "strict:1"})
    teach(app, two)
    upload(app, "queries-", queries[:1])
    assert "<strong>none of these</strong><span>closest: " in html(app)


def test_lesson_that_the_service_forgot_is_offered_again(
    api: Client, open_page: Open, two: Examples, queries: list[bytes]
) -> None:
    app = open_page(api.url)
    teach(app, two)
    api.delete_adaptation(api.adaptations()[0].id)
    upload(app, "queries-", queries[:1])
    assert not app.exception
    assert "no longer has what was learned" in text(app)
    app.button(key="teach").click().run()
    assert html(app).count("<article") == 1


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", "*$x_1$* :red[a]"])
def test_labels_are_shown_as_they_are(api: Client, open_page: Open, two: Examples, label: str) -> None:
    first, second = two.values()
    app = open_page(api.url)
    teach(app, {label: first, "other": second})
    upload(app, "queries-", first[:1])
    assert label in api.adaptations()[0].classes
    assert "<script>" not in html(app)
    app.text_input(key="name-2").set_value(label).run()
    assert f"Two classes are named “{label}”" in text(app)


def test_service_without_models_says_how_to_get_one(
    open_page: Open, serve: Serve, sqlite_template: Path
) -> None:
    with serve(Settings(database_url=f"sqlite:///{sqlite_template}")) as url:
        app = open_page(url)
    assert "There is no model yet" in text(app)
    assert [code.value for code in app.code] == ["imaml train --name first --dataset glyphs"]


def test_zip_of_class_folders_is_taught_and_another_is_scored(
    api: Client, open_page: Open, two: Examples, drawings: Examples
) -> None:
    def packed(start: int) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for label in two:
                for index, data in enumerate(drawings[label][start : start + 2]):
                    archive.writestr(f"set/{label}/{start + index}.png", data)
        return file.getvalue()

    def drop(key: str, data: bytes) -> None:
        [uploader] = [widget for widget in app.file_uploader if (widget.key or "").startswith(key)]
        uploader.set_value([("set.zip", data, "application/zip")])
        app.run()

    app = open_page(api.url)
    drop("folders-", packed(0))
    assert [field.value for field in app.text_input] == [*two]
    app.button(key="teach").click().run()
    assert "Learned 2 classes from 4 examples" in html(app)
    drop("queries-", packed(3))
    assert " of 4 images right: " in html(app)
    drop("folders-", b"hello")
    assert "set.zip: it is no zip" in text(app)
    assert not app.exception


def test_address_opens_what_was_learned_again(
    api: Client, open_page: Open, two: Examples, queries: list[bytes]
) -> None:
    app = open_page(api.url)
    teach(app, two)
    [adaptation] = api.adaptations()
    assert app.query_params["adaptation"] == adaptation.id

    other = open_page(api.url, query={"adaptation": adaptation.id})
    assert [field.value for field in other.text_input] == [*two]
    assert "Learned 2 classes from 6 examples" in html(other)
    assert other.button(key="teach").disabled
    upload(other, "queries-", queries[:1])
    assert html(other).count("<article") == 1

    api.delete_adaptation(adaptation.id)
    late = open_page(api.url, query={"adaptation": adaptation.id})
    assert "What this address named is gone" in text(late)
    assert "adaptation" not in late.query_params
    assert not late.exception


def test_another_recipe_is_used_and_said_not_to_be_validated(
    api: Client, open_page: Open, two: Examples
) -> None:
    app = open_page(api.url)
    model = api.model("small")
    app.slider(key=f"lam-{model.id}").set_value(1.0)
    app.slider(key=f"steps-{model.id}").set_value(2)
    teach(app, two)
    [adaptation] = api.adaptations()
    assert (adaptation.recipe.lam, adaptation.recipe.max_steps) == (10, 2)
    assert "has not been validated" in text(app)
    assert "lam=10" in app.code[0].value
    other = open_page(api.url, query={"adaptation": adaptation.id})
    assert other.slider(key=f"lam-{model.id}").value == 1.0
    assert other.slider(key=f"steps-{model.id}").value == 2
    assert other.button(key="teach").disabled
    app.slider(key=f"steps-{model.id}").set_value(model.recipe.max_steps).run()
    assert not app.button(key="teach").disabled


def test_examples_that_look_mislabelled_are_shown_on_demand(
    api: Client, open_page: Open, drawings: Examples
) -> None:
    first, second, *_ = drawings
    swapped = {first: [*drawings[first][:3], drawings[second][3]], second: drawings[second][:3]}
    app = open_page(api.url)
    teach(app, swapped)
    assert "<figure>" not in html(app)
    app.toggle[0].set_value(True).run()
    margins = [example.margin for example in api.examples(api.adaptations()[0].id, margins=True)]
    doubtful = sum(margin < 0 for margin in margins if margin is not None)
    assert html(app).count("<figure>") == doubtful
    assert doubtful or "None: each is told right" in text(app)
