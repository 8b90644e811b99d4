"""The same examples taught otherwise: what adaptation added, the map of settings, two ways side by side."""

from dataclasses import replace
from itertools import pairwise

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from dashboard.teach.strength import grid
from imaml.client import Client, Recipe
from imaml.store import Bundle, Store, bundles
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, show, teach, text, upload
from tests.dashboard.teach.test_lesson import LIMITS
from tests.services import Examples

MAPS = ("Images of known class that are right", "Answer, and how sure it is")


@pytest.fixture
def taught(api: Client, open_page: Open) -> AppTest:
    """The page after an example set: five classes, two queries of each."""
    return open_page(api.url).button(key="teach-set-1").click().run()


def _right(api: Client, app: AppTest, max_steps: int) -> int:
    """How many of the queries are right after so many steps, as the service itself says."""
    desk = app.session_state.desk
    lesson = desk.lesson
    adaptation = api.adapt("small", lesson.support, max_steps=max_steps)
    answers = api.predict(adaptation.id, [query.picture.data for query in desk.queries])
    api.delete_adaptation(adaptation.id)
    truths = [lesson.truth(query) for query in desk.queries]
    return sum(
        answer.label == truth and not answer.unknown for answer, truth in zip(answers, truths, strict=True)
    )


def test_what_adaptation_added_is_told(api: Client, taught: AppTest) -> None:
    [lesson] = api.adaptations()  # that without adaptation was not kept
    first, last = (f"{lesson.solution.trace[end].loss:.3g}" for end in (0, -1))
    assert f"Adaptation took the support loss from {first} to {last}." in text(taught)
    with_it, without = _right(api, taught, 5), _right(api, taught, 0)
    assert f"Of 10 new images of known class it gets {with_it} right; without adaptation {without}." in text(
        taught
    )


def test_nothing_is_said_of_accuracy_where_no_class_is_known(
    api: Client, open_page: Open, two: Examples, queries: list[bytes]
) -> None:
    app = open_page(api.url)
    teach(app, two)
    upload(app, "queries-", queries[:1])
    assert "Adaptation took the support loss" in text(app)
    assert "without adaptation" not in text(app)


def _cells(app: AppTest) -> list[dict[str, object]]:
    """What the map is made of."""
    [chart] = [chart for chart in app.get("vega_lite_chart") if chart.proto.alt in MAPS]
    [dataset] = chart.proto.datasets
    return convert_arrow_bytes_to_pandas_df(dataset.data.data).to_dict("records")


def test_map_shows_every_setting_around_the_recipe_and_keeps_nothing(api: Client, taught: AppTest) -> None:
    taught.button(key="draw-map").click().run()
    assert not taught.exception
    cells = _cells(taught)
    assert len(cells) == 25
    [own] = [cell for cell in cells if cell["own"]]
    assert (own["λ"], own["steps"]) == ("0.5", "5")
    assert own["answer"] == f"{_right(api, taught, 5)} of 10 right"
    assert {cell["answer"] for cell in cells if cell["steps"] == "0"} == {
        f"{_right(api, taught, 0)} of 10 right"
    }
    assert len(api.adaptations()) == 1

    [lesson] = api.adaptations()
    query = taught.session_state.desk.queries[3]
    taught.selectbox(key="mapped").set_value(query.number).run()
    [own] = [cell for cell in _cells(taught) if cell["own"]]
    [answer] = api.predict(lesson.id, [query.picture.data])
    assert own["answer"] == ("none of these" if answer.unknown else answer.label)
    assert own["share"] == pytest.approx(answer.confidence)

    taught.button(key="clear-queries").click().run()
    upload(taught, "queries-", [query.picture.data])
    taught.button(key="draw-map").click().run()
    assert not taught.exception
    assert {cell["steps"] for cell in _cells(taught) if cell["own"]} == {"5"}


RECIPE = Recipe(solver="gradient_descent", max_steps=5, inner_lr=0.1, lam=0.5, tolerance=0)


@pytest.mark.parametrize("max_steps", [0, 1, 2, 5, 40, 100])
@pytest.mark.parametrize("lam", [0.0, 0.03, 0.5, 0.501187])
def test_grid_holds_the_recipe_and_ascends(lam: float, max_steps: int) -> None:
    limits = LIMITS.model_copy(update={"max_inner_steps": 100})
    lams, steps = grid(RECIPE.model_copy(update={"lam": lam, "max_steps": max_steps}), limits)
    assert lam in lams or not lam
    assert max_steps in steps
    assert 3 <= len(steps) <= 5
    assert max(steps) <= 100
    for ascending in (lams, steps):
        assert all(low < high for low, high in pairwise(ascending))


def test_setting_that_diverges_is_a_cell_without_an_answer(
    api: Client, open_page: Open, two: Examples
) -> None:
    app = open_page(api.url)
    model = api.model("small")
    app.slider(key=f"lam-{model.id}").set_value(1.2)
    app.slider(key=f"steps-{model.id}").set_value(40)
    teach(app, two)
    upload(app, "queries-", next(iter(two.values()))[:1])
    app.button(key="draw-map").click().run()
    assert not app.exception
    assert {cell["text"] for cell in _cells(app) if cell["answer"] == "diverged"} == {"–"}


def test_two_settings_stand_side_by_side(api: Client, taught: AppTest) -> None:
    model = api.model("small")
    assert taught.button(key="compare").disabled
    taught.slider(key=f"second-steps-{model.id}").set_value(40).run()
    taught.button(key="compare").click().run()
    assert not taught.exception
    assert "**A: small:1**, 5 steps" in text(taught)
    assert "**B: small:1**, 40 steps" in text(taught)
    assert html(taught).count(" of 10 images right: ") == 3  # of the lesson, of A and of B
    assert "Both are right on " in text(taught)
    [table] = taught.dataframe
    rows = table.value
    assert len(rows) == 10
    agree = (rows["A"] == rows["B"]).tolist()
    assert agree == sorted(agree)
    assert rows["Image"].str.startswith("data:image/png;base64,").all()
    assert len(api.adaptations()) == 1
    taught.run()
    assert "Both are right on " in text(taught)  # remembered, without another click


def test_two_models_stand_side_by_side(
    api: Client, api_store: Store, open_page: Open, model_file: bytes, two: Examples
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("second", model_file)
    app = open_page(api.url)
    app.selectbox(key="model").set_value("small:1").run()
    show(app, two)
    app.button(key="teach").click().run()
    assert app.selectbox(key="second-model").value == "second:1"
    app.button(key="compare").click().run()
    assert "**B: second:1**" in text(app)
    assert "Add images to try" in text(app)
    upload(app, "queries-", next(iter(two.values()))[:2])
    app.button(key="compare").click().run()
    assert "They agree on all of 2 images." in text(app)  # it is the same model under another name


def test_what_the_service_refuses_is_a_sentence(
    api: Client, api_store: Store, taught: AppTest, model_bundle: Bundle
) -> None:
    narrow = replace(model_bundle, description={**model_bundle.description, "ways": {"min": 2, "max": 3}})
    with api_store.transaction() as transaction:
        transaction.models.add("narrow", bundles.write(narrow))
    taught.run()
    taught.selectbox(key="second-model").set_value("narrow:1").run()
    taught.button(key="compare").click().run()
    assert not taught.exception
    assert "The examples have 5 different labels; this model learns 2 to 3 classes." in text(taught)
    assert html(taught).count("<article") == 10
