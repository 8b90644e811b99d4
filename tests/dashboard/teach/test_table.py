"""Models on vectors: chosen beside those on images, taught from rows, and asked about new ones."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from imaml.client import Client
from imaml.store import Bundle, Store, bundles
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text
from tests.models import class_vectors

VECTORS = class_vectors(2, 4, seed=5)


@pytest.fixture
def page(
    api: Client, api_store: Store, open_page: Open, vector_bundle: Bundle, regression_bundle: Bundle
) -> Open:
    """Opens the page for a model of a service that has the models `small`, `vectors` and `sines`."""
    with api_store.transaction() as transaction:
        for bundle in (vector_bundle, regression_bundle):
            transaction.models.add(bundle.description["name"], bundles.write(bundle))

    def run(model: str | None = None) -> AppTest:
        app = open_page(api.url)
        return app.selectbox(key="model").set_value(model).run() if model else app

    return run


def _rows(classes: range, examples: slice) -> str:
    return "\n".join(
        f"class {k}, " + ", ".join(map(str, vector)) for k in classes for vector in VECTORS[k, examples]
    )


def _answers(app: AppTest) -> list[str]:
    return app.table[0].value["Answer"].tolist()


def test_a_model_on_images_is_chosen_where_there_is_one(page: Open) -> None:
    app = page()
    assert not app.exception
    assert app.selectbox(key="model").options == ["small:1", "sines:1", "vectors:1"]
    assert app.selectbox(key="model").value == "small:1"


def test_one_click_gives_rows_that_are_taught_and_tried(page: Open, api: Client) -> None:
    app = page("vectors:1")
    assert "from 4 features" in text(app)
    app.button(key="sample").click().run()
    assert not app.exception
    app.button(key="teach").click().run()
    assert not app.exception
    assert "Learned 3 classes from 9 examples in" in html(app)
    table = app.table[0].value
    assert len(table) == 6
    assert table["Known"].tolist() == table["Closest"].tolist()
    assert len(api.adaptations()) == 1


def test_own_rows_are_taught_and_tried(page: Open, api: Client) -> None:
    app = page("vectors:1")
    assert app.button(key="teach").disabled
    model = api.model("vectors")
    app.text_area(key=f"rows-{model.id}").set_value(_rows(range(2), slice(3))).run()
    app.button(key="teach").click().run()
    assert "Learned 2 classes from 6 examples" in html(app)
    app.text_area(key=f"new-{model.id}").set_value(_rows(range(2), slice(3, 4))).run()
    assert app.table[0].value["Closest"].tolist() == ["class 0", "class 1"]


def test_rows_are_taught_by_another_recipe(page: Open, api: Client) -> None:
    app = page("vectors:1")
    model = api.model("vectors")
    app.button(key="sample").click().run()
    app.slider(key=f"steps-{model.id}").set_value(model.recipe.max_steps + 1)
    app.button(key="teach").click().run()
    assert not app.exception
    [adaptation] = api.adaptations()
    assert adaptation.recipe.max_steps == model.recipe.max_steps + 1
    assert " right: " in html(app)


def test_rows_come_from_a_file_too(page: Open, api: Client) -> None:
    app = page("vectors:1")
    [uploader] = app.file_uploader
    uploader.set_value([("rows.csv", _rows(range(2), slice(3)).encode(), "text/csv")])
    app.run()
    assert not app.button(key="teach").disabled
    assert app.text_area(key=f"rows-{api.model('vectors').id}").value == _rows(range(2), slice(3))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "Give every row"),
        ("1, 2, 3, 4", "Give every row"),
        ("a, 1, 2, 3", "Give every row"),
        ("a, 1, 2, 3, 4\na, 1, 2, 3, 4", "There are 1 label; the model tells 2 to 6 apart."),
        ("a, 1, 2, 3, 4\nb, 1, 2", "Line 2 has 3 columns"),
    ],
)
def test_what_is_missing_is_told(page: Open, api: Client, rows: str, message: str) -> None:
    app = page("vectors:1")
    app.text_area(key=f"rows-{api.model('vectors').id}").set_value(rows).run()
    assert not app.exception
    assert app.button(key="teach").disabled
    assert message in text(app)


def test_numbers_are_taught_and_predicted(page: Open, api: Client) -> None:
    app = page("sines:1")
    assert "Predicts a number from 1 feature" in text(app)
    model = api.model("sines")
    points = np.linspace(-3, 3, 10)
    rows = "\n".join(f"{np.sin(x)}, {x}" for x in points)
    app.text_area(key=f"rows-{model.id}").set_value(rows).run()
    app.button(key="teach").click().run()
    assert not app.exception
    app.text_area(key=f"new-{model.id}").set_value("0.5\n1.5").run()
    [adaptation] = api.adaptations()
    expected = api.predict_numbers(adaptation.id, [[0.5], [1.5]])
    assert _answers(app) == [f"{value:.4g}" for value in expected]
    app.text_area(key=f"rows-{model.id}").set_value("label, 1").run()
    app.button(key="teach").click().run()
    assert "must be the numbers to predict" in text(app)
