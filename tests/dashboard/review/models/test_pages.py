"""Models: found in the list, shown with recipe, names, lineage and scores, and promoted."""

import json

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from dashboard import connection
from dashboard.review.models.aliases import change
from dashboard.review.models.recipe import terms
from imaml.client import Client, Recipe
from imaml.store import Bundle, Evaluation, Experiment, Store, bundles
from tests.dashboard.conftest import Open
from tests.dashboard.pages import text
from tests.services import Examples

PAGE = "views/models.py"


@pytest.fixture
def experiment(api_store: Store, model_file: bytes) -> str:
    """An experiment that has left `mine:1` and `mine:2` behind, and an evaluation of the second."""
    made = Experiment(
        name="night_run",
        algorithm="imaml",
        dataset="glyphs",
        config={},
        provenance={},
        split={},
        total_steps=1000,
        tags=[],
    )
    with api_store.transaction() as transaction:
        experiment = transaction.experiments.add(made).id
        for _ in range(2):
            model = transaction.models.add("mine", model_file, experiment_id=experiment)
        for shots, accuracy in ((1, 0.9), (5, 0.97)):
            transaction.evaluations.add(_evaluation(experiment, model.id, shots, accuracy))
    return experiment


def _evaluation(experiment: str, model: str, shots: int, accuracy: float) -> Evaluation:
    return Evaluation(
        experiment_id=experiment, model_id=model, dataset="glyphs", split="test", ways=5, shots=shots,
        queries=15, episodes=2, seed=1, transductive=False, accuracy=accuracy, ci95=0.004,
        accuracy_unadapted=0.85, accuracies=[accuracy] * 2,
    )  # fmt: skip


def _one(api: Client, open_page: Open, reference: str) -> AppTest:
    return open_page(api.url, PAGE, {"model": reference})


def _title(app: AppTest) -> str:
    return app.title[0].value.replace("\\", "")


def _press(app: AppTest, column: str, row: int) -> None:
    """Click a button in the table, as a browser reports it."""
    [table] = app.dataframe
    click = {"row": row, "label": table.value[column].iloc[row]}
    states = app._tree.get_widget_states()
    widget = table.proto.button_click_widgets[column]
    states.widgets.append(WidgetState(id=widget, string_trigger_value={"data": json.dumps(click)}))
    app._run(states)


def test_list_has_every_version_by_name(
    api: Client, experiment: str, open_page: Open, vector_bundle: Bundle, api_store: Store
) -> None:
    with api_store.transaction() as transaction:
        transaction.models.add("vectors", bundles.write(vector_bundle))
    api.set_alias("mine:1", "champion")
    app = open_page(api.url, PAGE)
    assert not app.exception
    table = app.dataframe[0].value
    assert table["Model"].tolist() == ["mine:2", "mine:1", "small:1", "vectors:1"]
    assert [list(aliases) for aliases in table["Aliases"]] == [[], ["champion"], [], []]
    assert table["Trained on"].tolist() == [model.dataset for model in _sorted(api)]
    assert "gradient descent" in table["Recipe"].iloc[0]
    assert app.download_button(key="csv-models.csv").label == "CSV"


def _sorted(api: Client) -> list[object]:
    return sorted(api.models(), key=lambda model: (model.name, -model.version))


def test_list_is_searched_by_an_address_of_its_own(api: Client, experiment: str, open_page: Open) -> None:
    app = open_page(api.url, PAGE, {"name": "smal"})
    assert app.dataframe[0].value["Model"].tolist() == ["small:1"]
    app.text_input(key="name").set_value("mine").run()
    assert app.dataframe[0].value["Model"].tolist() == ["mine:2", "mine:1"]
    app.text_input(key="name").set_value("nothing").run()
    assert "No model has this in its name" in text(app)


def test_row_opens_its_model_and_its_lesson(api: Client, experiment: str, open_page: Open) -> None:
    app = open_page(api.url, PAGE)
    _press(app, "Model", 1)
    assert app.query_params["model"] == "mine:1"
    assert _title(app) == "mine:1"
    app.button(key="all").click().run()
    assert _title(app) == "Models"
    _press(app, "Teach", 0)
    assert app.selectbox(key="model").value == "mine:2"


def test_without_a_model_it_says_how_to_get_one(
    api: Client, open_page: Open, monkeypatch: pytest.MonkeyPatch, api_store: Store
) -> None:
    with api_store.transaction() as transaction:
        key = transaction.keys.create("acme", ["review"])[1]
    monkeypatch.setenv("IMAML_API_KEY", key)  # of a tenant with whom none is shared
    app = open_page(api.url, PAGE)
    assert "There is no model yet" in text(app)
    assert [code.value for code in app.code] == ["imaml train --name first --dataset glyphs"]


def test_model_shows_what_it_is_and_how_it_adapts(api: Client, experiment: str, open_page: Open) -> None:
    app = _one(api, open_page, "mine")
    model = api.model("mine:2")
    assert not app.exception
    assert _title(app) == "mine:2"
    assert "images, seen as 28 × 28 pixels in grey" in text(app)
    shown = {metric.label: (metric.value, metric.help) for metric in app.metric}
    assert shown["Solver"][0] == "gradient descent"
    assert shown["λ"][0] == f"{model.recipe.lam:g}"
    assert all(meaning for _, meaning in shown.values())
    [teach] = [link for link in app.page_link if link.value == "Teach it"]
    assert teach.proto.query_string == "model=mine%3A2"


@pytest.mark.parametrize(
    ("solver", "named"),
    [
        ("gradient_descent", ["Solver", "Steps", "Rate", "λ", "Tolerance"]),
        ("momentum", ["Solver", "Steps", "Rate", "λ", "Tolerance", "Momentum"]),
        ("newton_cg", ["Solver", "Steps", "λ", "Tolerance", "CG steps"]),
        ("l_bfgs", ["Solver", "Steps", "λ", "Tolerance", "Memory"]),
    ],
)
def test_recipe_has_the_terms_that_its_solver_uses(solver: str, named: list[str]) -> None:
    recipe = Recipe(solver=solver, max_steps=3, inner_lr=0.1, lam=0.5, tolerance=0.01)
    assert [term.name for term in terms(recipe)] == named


def test_lineage_leads_from_the_experiment_to_the_adaptations(
    api: Client, experiment: str, open_page: Open, two: Examples
) -> None:
    api.adapt("mine:2", two)
    app = _one(api, open_page, "mine:2")
    links = {link.value.strip("*"): link.proto.query_string for link in app.page_link}
    assert links["night\\_run"] == f"id={experiment}"
    assert links["1 adaptation"] == "model=mine%3A2"
    [other] = [button for button in app.button if button.label == "**mine\\:1**"]
    other.click().run()
    assert app.query_params["model"] == "mine:1"
    assert _title(app) == "mine:1"
    assert "**0 adaptations**" in [link.value for link in app.page_link]


def test_model_without_an_experiment_says_so(api: Client, open_page: Open) -> None:
    app = _one(api, open_page, "small:1")
    assert not app.exception
    assert "None is known" in text(app)
    assert "imaml evaluate small:1 --dataset" in app.code[0].value


def test_scores_stand_by_ways_and_shots(api: Client, experiment: str, open_page: Open) -> None:
    app = _one(api, open_page, "mine:2")
    [row] = app.table[0].value.to_dict("records")
    assert row.pop("Ways") == "5-way"
    assert {shots: cell.split(" %")[0].strip("*") for shots, cell in row.items()} == {
        "1-shot": "90.0 ± 0.4",
        "5-shot": "97.0 ± 0.4",
    }
    assert all(cell.endswith(":gray[85.0 %]") for cell in row.values())  # without adaptation
    assert "glyphs, test, inductive" in text(app)
    assert not _one(api, open_page, "mine:1").table  # what scored was the other version


def test_champion_moves_after_confirmation(api: Client, experiment: str, open_page: Open) -> None:
    api.set_alias("mine:1", "champion")
    app = _one(api, open_page, "mine:2")
    app.button(key="promote").click().run()
    assert "**champion** is mine:1 now; from then on `mine` means mine:2." in text(app)
    assert api.model("mine").version == 1
    app.button(key="change").click().run()
    assert not app.exception
    assert api.model("mine").version == 2
    assert "`mine` :gray[stands for] mine:2" in text(app)
    assert app.button(key="promote").disabled


def test_left_alone_the_champion_stays(api: Client, experiment: str, open_page: Open) -> None:
    app = _one(api, open_page, "mine:1")
    app.button(key="promote").click().run()
    assert "**champion** is no version yet, so `mine` means the newest, mine:2" in text(app)
    app.button(key="leave").click().run()
    assert api.model("mine:1").aliases == []


def test_alias_of_one_s_own_moves_after_confirmation(api: Client, experiment: str, open_page: Open) -> None:
    api.set_alias("mine:2", "stable")
    app = _one(api, open_page, "mine:1")
    app.selectbox[0].set_value("stable").run()
    app.button(key="name-it").click().run()
    assert "**stable** is mine:2 now; from then on `mine@stable` means mine:1." in text(app)
    app.button(key="change").click().run()
    assert api.model("mine@stable").version == 1
    assert "`mine@stable` :gray[stands for] mine:1" in text(app)
    assert app.button(key="name-it").disabled


def test_alias_that_is_new_is_said_to_be(api: Client, experiment: str) -> None:
    said = change(api.model("mine:1"), api.models(name="mine"), "fresh").replace("\\", "")
    assert said == "**fresh** is no version yet; from then on `mine@fresh` means mine:1."


def test_key_that_is_no_administrator_s_is_refused_in_a_sentence(
    api: Client, experiment: str, open_page: Open, api_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_store.transaction() as transaction:
        key = transaction.keys.create("local", ["adapt", "review"])[1]
    monkeypatch.setenv("IMAML_API_KEY", key)
    app = _one(api, open_page, "mine:1")
    app.button(key="promote").click().run()
    app.button(key="change").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "The key has the scopes adapt, review; this call needs admin."
    ]
    assert connection.client().model("mine:1").aliases == []


def test_key_that_may_only_predict_sees_the_model_without_its_experiment(
    api: Client, experiment: str, open_page: Open, api_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with api_store.transaction() as transaction:
        key = transaction.keys.create("local", ["predict"])[1]
    monkeypatch.setenv("IMAML_API_KEY", key)
    app = _one(api, open_page, "mine:2")
    assert not app.exception
    assert not app.error
    assert "Not yours to see" in text(app)


def test_bundle_is_offered_with_the_command_that_takes_it_in(
    api: Client, experiment: str, open_page: Open
) -> None:
    app = _one(api, open_page, "mine:2")
    [download] = app.download_button
    assert download.label == "Download mine-v2.imaml"
    assert app.code[-1].value == "imaml models import mine-v2.imaml"


def test_address_of_no_model_is_a_sentence(api: Client, open_page: Open) -> None:
    app = _one(api, open_page, "nothing:7")
    assert not app.exception
    assert "nothing:7" in app.error[0].value.replace("\\", "")
    app.button(key="all").click().run()
    assert _title(app) == "Models"
