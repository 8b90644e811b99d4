"""One experiment: curves, inner loop, evaluations, settings, models and tasks; and what people note."""

import json

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from imaml.client import ApiError, Client
from imaml.store import Metric, Store
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text
from tests.dashboard.review.runs import add, evaluate, measure

DETAIL = "views/experiment.py"


def charts(app: AppTest) -> list[dict[str, object]]:
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


def steps(app: AppTest) -> set[int]:
    """Meta-steps in the first chart."""
    datasets = app.get("vega_lite_chart")[0].proto.datasets
    frames = [convert_arrow_bytes_to_pandas_df(data.data.data) for data in datasets]
    return {int(step) for frame in frames if len(frame) for step in frame["step"]}


def test_experiment_shows_what_was_measured(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = add(api_store, "one", "completed")
    measure(api_store, experiment)
    app = open_page(api.url, DETAIL, {"id": experiment})
    assert not app.exception
    assert app.title[0].value == "one"
    assert app.metric[0].value == "90.0 ± 2.0 %"
    assert len(charts(app)) == 3
    for title in ("Validation accuracy", "Outer loss", "Meta-gradient norm"):
        assert f"**{title}**" in text(app)
    inner = open_page(api.url, DETAIL, {"id": experiment, "part": "Inner loop"})
    assert len(charts(inner)) == 5
    for title in ("Support loss", "Query loss", "Residual", "Residuals", "Negative curvature"):
        assert f"**{title}**" in text(inner)


def test_curves_are_smoothed_and_cut_as_the_address_says(
    api: Client, api_store: Store, open_page: Open
) -> None:
    experiment = add(api_store, "one", "completed")
    measure(api_store, experiment)
    app = open_page(api.url, DETAIL, {"id": experiment, "steps": ["2", "1000"], "smoothing": "0.5"})
    assert not app.exception
    assert app.slider(key="smoothing").value == 0.5
    assert steps(app) == {2, 3}
    app.slider(key="smoothing").set_value(0.0)
    app.slider(key="steps").set_value((0, 2)).run()
    assert steps(app) == {1, 2}


def test_panels_without_measurements_are_left_out(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = add(api_store, "one")
    with api_store.transaction() as transaction:
        transaction.metrics.write(experiment, [Metric("outer_loss", 1, 0.5), Metric("lam_layer0", 1, 0.1)])
    app = open_page(api.url, DETAIL, {"id": experiment})
    assert len(charts(app)) == 2
    assert "**Lam layer0**" in text(app)
    for part in ("Curves", "Inner loop"):
        untouched = open_page(api.url, DETAIL, {"id": add(api_store, "two"), "part": part})
        assert "Nothing has been measured yet" in text(untouched)


def test_experiment_tells_what_was_asked_and_what_it_ran_on(
    api: Client, api_store: Store, open_page: Open
) -> None:
    app = open_page(api.url, DETAIL, {"id": add(api_store, "one"), "part": "Settings"})
    for name, value in {
        "λ": "0.25",
        "inner solver": "gradient_descent",
        "data": "–",
        "git dirty": "yes",
        "numpy": "2.4",
        "train classes": "2",
    }.items():
        assert f">{name}</dt><dd>{value}</dd>" in html(app)


def test_evaluations_are_a_grid_by_ways_and_shots(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = add(api_store, "one", "completed")
    evaluate(api_store, experiment)
    evaluate(api_store, experiment, shots=5, accuracy=0.9901)
    evaluate(api_store, experiment, ways=20, transductive=True)
    evaluate(api_store, experiment, ways=1, shots=10, accuracy=0.5, dataset="sinusoid")
    app = open_page(api.url, DETAIL, {"id": experiment, "part": "Evaluations"})
    assert not app.exception
    assert "glyphs, test, transductive" in text(app)
    [inductive] = [table.value for table in app.table if "5-shot" in table.value]
    assert inductive["1-shot"].tolist() == ["**95.1 ± 0.4 %** (2) :gray[93.3 %]"]
    assert inductive["5-shot"].tolist() == ["**99.0 ± 0.4 %** (2) :gray[93.3 %]"]
    every = app.dataframe[0].value
    assert sorted(every["Task"]) == ["10 numbers, R²", "20-way 1-shot", "5-way 1-shot", "5-way 5-shot"]
    assert sorted(every["Protocol"]) == ["inductive", "inductive", "inductive", "transductive"]


def test_experiment_without_evaluations_says_how_to_make_one(
    api: Client, api_store: Store, open_page: Open
) -> None:
    app = open_page(api.url, DETAIL, {"id": add(api_store, "one"), "part": "Evaluations"})
    assert [code.value for code in app.code] == ["imaml evaluate one --dataset glyphs --split test"]


def test_failed_experiment_says_why(api: Client, api_store: Store, open_page: Open) -> None:
    app = open_page(api.url, DETAIL, {"id": add(api_store, "one", "failed", "The loss is not finite.")})
    assert "The loss is not finite." in text(app)


def test_models_and_checkpoint_of_an_experiment(
    api: Client, api_store: Store, open_page: Open, model_file: bytes
) -> None:
    experiment = add(api_store, "one", "interrupted")
    nothing = open_page(api.url, DETAIL, {"id": experiment, "part": "Models"})
    assert "No model yet" in text(nothing)
    with api_store.transaction() as transaction:
        transaction.models.add("mine", model_file, experiment_id=experiment)
        transaction.experiments.save_checkpoint(experiment, b"0" * 2**20, 7)
    app = open_page(api.url, DETAIL, {"id": experiment, "part": "Models"})
    links = {link.value: link.proto.query_string for link in app.page_link}
    assert links["Teach it"] == links["Look at it"] == "model=mine%3A1"
    assert "At meta-step 7, 1 MiB" in text(app)


def test_sample_task_shows_the_model_s_answers(
    api: Client, api_store: Store, open_page: Open, model_file: bytes
) -> None:
    experiment = add(api_store, "one", "completed")
    without = open_page(api.url, DETAIL, {"id": experiment, "part": "Sample tasks"})
    assert "There is no model of images to ask" in text(without)
    with api_store.transaction() as transaction:
        transaction.models.add("mine", model_file, experiment_id=experiment)
    app = open_page(api.url, DETAIL, {"id": experiment, "part": "Sample tasks"})
    assert not app.exception
    assert html(app).count('class="task"') == 5
    assert html(app).count('class="right"') + html(app).count('class="wrong"') == 15
    assert api.adaptations() == []
    before = html(app)
    app.number_input(key="task").set_value(1).run()
    assert html(app) != before


def test_name_tags_and_notes_are_edited(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = add(api_store, "one")
    app = open_page(api.url, DETAIL, {"id": experiment})
    [name] = [field for field in app.text_input if field.label == "Name"]
    name.set_value("better")
    [notes] = [field for field in app.text_area if field.label == "Notes"]
    notes.set_value("It **works**.")
    [tags] = [field for field in app.multiselect if field.label == "Tags"]
    tags.set_value([])
    [save] = [button for button in app.button if button.label == "Save"]
    save.click().run()
    stored = api.experiment(experiment)
    assert (stored.name, stored.notes, stored.tags) == ("better", "It **works**.", [])
    assert app.title[0].value == "better"
    [name] = [field for field in app.text_input if field.label == "Name"]
    name.set_value("no/name")
    [save] = [button for button in app.button if button.label == "Save"]
    save.click().run()
    assert "name" in text(app)
    assert api.experiment(experiment).name == "better"


def test_experiment_is_deleted_once_that_is_confirmed(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = add(api_store, "one")
    app = open_page(api.url, DETAIL, {"id": experiment})
    app.button(key="delete").click().run()
    assert api.experiment(experiment).name == "one"
    app.button(key="delete-confirmed").click().run()
    with pytest.raises(ApiError):
        api.experiment(experiment)
    assert "No experiment yet" in text(app)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [({"id": "nothing"}, "nothing"), ({}, "The address names no experiment")],
    ids=["unknown", "none"],
)
def test_address_of_no_experiment_is_a_sentence(
    api: Client, open_page: Open, query: dict[str, str], sentence: str
) -> None:
    app = open_page(api.url, DETAIL, query)
    assert not app.exception
    assert sentence in "\n".join(part.value for part in [*app.error, *app.info])
