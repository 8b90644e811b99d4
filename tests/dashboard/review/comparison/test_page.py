"""The page Compare: what the address names, side by side."""

import json
from typing import Any

import pyarrow
import pytest
from streamlit.testing.v1 import AppTest

from imaml.client import Client
from imaml.store import Metric, Store
from tests.dashboard.conftest import Open
from tests.dashboard.pages import text
from tests.dashboard.review.comparison.conftest import Add

COMPARE = "views/compare.py"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens


@pytest.fixture
def three(add: Add) -> list[str]:
    """Three experiments that differ in one setting."""
    return [add(f"lam-{lam}", best, lam=lam) for lam, best in ((0.01, 0.8), (0.1, 0.9), (1.0, 0.7))]


def _open(open_page: Open, api: Client, ids: list[str], **query: str) -> AppTest:
    app = open_page(api.url, COMPARE, {"ids": ",".join(ids), **query})
    assert not app.exception
    return app


def _names(app: AppTest) -> list[str]:
    links = [link for link in app.page_link if link.proto.query_string]
    return [link.value.replace("\\", "").removeprefix("**").removesuffix("**") for link in links]


def _spec(app: AppTest, title: str) -> dict[str, Any]:
    return json.loads(_chart(app, title).proto.spec)


def _rows(app: AppTest, title: str, layer: int = 0) -> list[dict[str, Any]]:
    """What a layer of a chart shows; it may share its data with the others."""
    spec = _spec(app, title)
    name = (spec["layer"][layer].get("data") or spec["data"])["name"]
    [data] = [data for data in _chart(app, title).proto.datasets if data.name == name]
    return pyarrow.ipc.open_stream(data.data.data).read_all().to_pylist()


def _chart(app: AppTest, title: str) -> Any:
    [chart] = [chart for chart in app.get("vega_lite_chart") if chart.proto.alt == title]
    return chart


def _domain(app: AppTest, title: str) -> list[str]:
    return _spec(app, title)["layer"][1]["encoding"]["color"]["scale"]["domain"]


def test_every_experiment_is_shown_with_its_best_accuracy_and_its_own_page(
    api: Client, open_page: Open, three: list[str]
) -> None:
    app = _open(open_page, api, three)
    assert _names(app) == ["lam-0.01", "lam-0.1", "lam-1.0"]
    addresses = [link.proto.query_string for link in app.page_link if link.proto.query_string]
    assert addresses == [f"id={each}" for each in three]
    assert "imaml · glyphs · best validation 80.0 ± 2.0 %" in text(app)


def test_experiment_is_removed_from_the_page_and_from_the_address(
    api: Client, open_page: Open, three: list[str]
) -> None:
    app = _open(open_page, api, three)
    app.button(key=f"remove-{three[1]}").click().run()
    assert _names(app) == ["lam-0.01", "lam-1.0"]
    assert app.query_params["ids"] == f"{three[0]},{three[2]}"


def test_another_is_found_by_a_part_of_its_name_and_added(
    api: Client, open_page: Open, three: list[str]
) -> None:
    app = _open(open_page, api, three[:1])
    assert "Add another experiment" in text(app)
    app.session_state["add"] = True  # AppTest cannot open it
    app.run()
    app.text_input(key="add-search").set_value("-1.0").run()
    [offered] = [button for button in app.button if (button.key or "").startswith("add-")]
    offered.click().run()
    assert _names(app) == ["lam-0.01", "lam-1.0"]
    assert app.query_params["ids"] == f"{three[0]},{three[2]}"


def test_unknown_id_is_said_and_left_out(api: Client, open_page: Open, three: list[str]) -> None:
    app = _open(open_page, api, [three[0], "nothing", three[2]])
    assert _names(app) == ["lam-0.01", "lam-1.0"]
    [warning] = app.warning
    assert "nothing" in warning.value
    assert "left out" in warning.value


@pytest.mark.parametrize("query", [{}, {"ids": " ,, "}], ids=["no address", "empty address"])
def test_nothing_chosen_says_how_to_choose(api: Client, open_page: Open, query: dict[str, str]) -> None:
    app = open_page(api.url, COMPARE, query)
    assert not app.exception
    assert "Nothing to compare yet" in text(app)
    assert [link.proto.page for link in app.page_link] == ["experiments"]


def test_service_that_is_not_there_is_said(open_page: Open) -> None:
    app = open_page(NOWHERE, COMPARE, {"ids": "a,b"})
    assert not app.exception
    assert "The service does not answer" in text(app)


def test_curves_share_an_axis_and_keep_their_colours(api: Client, open_page: Open, three: list[str]) -> None:
    app = _open(open_page, api, three)
    assert {row["curve"] for row in _rows(app, "Validation accuracy")} == {*three}
    assert _domain(app, "Validation accuracy") == three
    dashes = _spec(app, "Validation accuracy")["layer"][1]["encoding"]["strokeDash"]["scale"]["range"]
    assert len({tuple(dash) for dash in dashes}) == 3


def test_metric_is_part_of_the_address(api: Client, open_page: Open, three: list[str]) -> None:
    app = _open(open_page, api, three, metric="outer_loss")
    assert [row["value"] for row in _rows(app, "Outer loss")[:3]] == [1, 0.02, 0.01]
    app.selectbox(key="metric").set_value("meta_gradient_norm").run()
    assert _spec(app, "Meta-gradient norm")["layer"][1]["encoding"]["y"]["scale"]["type"] == "log"
    assert app.query_params["metric"] == "meta_gradient_norm"
    app.selectbox(key="metric").set_value("validation_accuracy").run()
    assert "metric" not in app.query_params
    app.query_params["metric"] = "outer_loss"  # as the browser's Back does
    assert app.run().selectbox(key="metric").value == "outer_loss"


def test_page_writes_nothing_into_the_address_by_itself(api: Client, open_page: Open, add: Add) -> None:
    grid = [(0.1, 8), (1.0, 16)]
    ids = [add(f"{lam}", accuracies=[0.5, 0.6], lam=lam, inner_steps=steps) for lam, steps in grid]
    assert [*_open(open_page, api, ids).query_params] == ["ids"]
    app = _open(open_page, api, ids, metric="nothing")
    assert app.selectbox(key="metric").value == "validation_accuracy"
    assert app.query_params["metric"] == "nothing"


def test_curves_are_smoothed(api: Client, open_page: Open, three: list[str]) -> None:
    app = _open(open_page, api, three, metric="outer_loss", smoothing="0.5")
    assert app.slider(key="smoothing").value == 0.5
    first = [row["value"] for row in _rows(app, "Outer loss")[:3]]
    assert first[0] == pytest.approx(1)
    assert first[1] == pytest.approx((0.25 + 0.5 * 0.02) / 0.75)


def test_only_metrics_by_meta_step_are_offered(api: Client, open_page: Open, three: list[str]) -> None:
    metric = _open(open_page, api, three).selectbox(key="metric")
    assert metric.options == ["Validation accuracy", "Outer loss", "Meta-gradient norm"]


def test_only_settings_that_differ_are_listed(api: Client, open_page: Open, three: list[str]) -> None:
    [table] = [each.value for each in _open(open_page, api, three).dataframe if "Setting" in each.value]
    assert table.to_dict("records") == [
        {"Setting": "λ", "lam-0.01": "0.01", "lam-0.1": "0.1", "lam-1.0": "1"}
    ]


def test_equal_settings_are_said_and_equal_names_told_apart(api: Client, open_page: Open, add: Add) -> None:
    twins = [add("twin"), add("twin")]
    app = _open(open_page, api, twins)
    assert _names(app) == [f"twin ({each[-6:]})" for each in twins]
    assert "These experiments have the same settings." in text(app)
    assert "No two of these differ in their seed alone." in text(app)


def test_seeds_are_averaged(api: Client, open_page: Open, add: Add) -> None:
    seeds = [add(f"run-{seed}", best, seed=seed) for seed, best in enumerate((0.8, 0.9, 0.85))]
    other = add("other", 0.7, lam=1.0)
    app = _open(open_page, api, [*seeds, other], by_seed="true")
    rows = [row for row in _rows(app, "Validation accuracy") if row["step"] == 100]
    mean, alone = rows
    assert (mean["curve"], mean["label"], mean["seeds"]) == (seeds[0], "run, 3 seeds", 3)
    assert mean["value"] == pytest.approx(0.85)
    assert mean["high"] - mean["value"] == pytest.approx(4.302653 * 0.05 / 3**0.5)
    assert (alone["label"], alone["seeds"], alone["low"]) == ("other", 1, None)
    [table] = [each.value for each in app.dataframe if "Group" in each.value]
    assert table["Best validation accuracy"].tolist() == ["85.0 ± 12.4 %", "70.0 %"]
    assert table["n"].tolist() == [3, 1]
    app.toggle(key="by_seed").set_value(False).run()
    assert len({row["curve"] for row in _rows(app, "Validation accuracy")}) == 4


def test_differences_are_from_the_baseline_chosen(api: Client, open_page: Open, add: Add) -> None:
    one = add("one", accuracies=[0.5, 0.6, 0.7, 0.8])
    two = add("two", accuracies=[0.6, 0.7, 0.8, 0.89], lam=1.0)
    three = add("three", accuracies=[0.4, 0.7, 0.6, 0.9], lam=2.0)
    app = _open(open_page, api, [one, two, three], baseline=two)
    assert app.selectbox(key="baseline").value == two
    table = _differences(app)
    assert table["Experiment"].tolist() == ["one", "three"]
    assert table["Difference (points)"].tolist() == ["-9.75 ± 0.80", "-9.75 ± 18.84"]
    assert table["Verdict"].tolist() == ["worse", "open"]
    assert [row["curve"] for row in _rows(app, "Better or worse than two", 1)] == [one, three]
    assert _domain(app, "Better or worse than two") == [one, two, three]
    app.selectbox(key="baseline").set_value(one).run()
    assert "baseline" not in app.query_params
    assert _differences(app)["Verdict"].tolist() == ["better", "open"]
    app.button(key=f"remove-{one}").click().run()
    assert _differences(app)["Experiment"].tolist() == ["three"]


def test_every_table_can_be_taken_away(api: Client, open_page: Open, add: Add) -> None:
    ids = [add(f"run-{seed}", accuracies=[0.5, 0.6], seed=seed) for seed in range(2)]
    app = _open(open_page, api, ids)
    tables = ("experiments", "groups-by-seed", "settings-that-differ", "paired-differences")
    assert [button.proto.id.rsplit("-csv-")[-1] for button in app.get("download_button")] == [
        f"{table}.csv" for table in tables
    ]


def _differences(app: AppTest) -> Any:
    [table] = [each.value for each in app.dataframe if "Verdict" in each.value]
    return table


def test_nothing_shared_says_which_commands_make_it_possible(api: Client, open_page: Open, add: Add) -> None:
    ids = [add("one"), add("two", data="/data/my images"), add("far", test="x", accuracies=[0.5, 0.6])]
    app = _open(open_page, api, ids)
    given = "--split test --ways 5 --shots 1 --queries 5 --episodes 600 --seed 1"
    assert [code.value for code in app.code] == [
        f"imaml evaluate one --dataset glyphs {given}\n"
        f"imaml evaluate two --dataset glyphs --data '/data/my images' {given}"
    ]
    assert "Not scored on the same episodes as one: two." in text(app)
    assert "Left out: far." in text(app)


def test_chart_says_whom_it_lacks_and_which_command_scores_them(
    api: Client, open_page: Open, add: Add
) -> None:
    ids = [add(name, accuracies=[0.5, 0.6]) for name in ("one", "two")]
    ids += [add("unscored"), add("other-task", accuracies=[0.5, 0.6, 0.7]), add("far", test="x")]
    app = _open(open_page, api, ids)
    assert "Not scored on the episodes in the chart: unscored, other-task." in text(app).replace("\\", "")
    options = "--split test --ways 5 --shots 1 --queries 5 --episodes 2 --seed 1"
    commands = [f"imaml evaluate {name} --dataset glyphs {options}" for name in ("unscored", "other-task")]
    assert [code.value for code in app.code] == ["\n".join(commands)]
    assert "Left out: far." in text(app)


def test_chart_is_at_first_of_test_classes_then_of_most_runs_then_of_most_episodes(
    api: Client, open_page: Open, add: Add
) -> None:
    few, many, most = [0.5, 0.6], [0.5, 0.6, 0.7], [0.5, 0.6, 0.7, 0.8]
    kinds = [("validation", most), ("test", few), ("test", many)]
    ids = [add("one", evaluated=kinds), add("two", evaluated=kinds)]
    app = _open(open_page, api, ids)
    told = [option.split(", ", 1)[1] for option in app.selectbox(key="task").options]
    assert told == [
        f"glyphs {split}, 5 queries, seed 1, {len(accuracies)} episodes"
        for split, accuracies in (("test", many), ("test", few), ("validation", most))
    ]
    third = add("three", evaluated=[("test", few)])
    assert "2 episodes" in _open(open_page, api, [*ids, third]).selectbox(key="task").value


def test_band_on_a_logarithmic_axis_stays_above_zero(
    api: Client, api_store: Store, open_page: Open, add: Add
) -> None:
    ids = [add(f"run-{seed}", None, seed=seed) for seed in range(2)]
    with api_store.transaction() as transaction:
        for each, norm in zip(ids, (0.01, 100.0), strict=True):
            transaction.metrics.write(each, [Metric("meta_gradient_norm", 101, norm)])
    app = _open(open_page, api, ids, metric="meta_gradient_norm", by_seed="true")
    [last] = [row for row in _rows(app, "Meta-gradient norm") if row["step"] == 101]
    assert last["value"] == pytest.approx(1)
    assert 0 < last["low"] < 0.01
    assert last["low"] * last["high"] == pytest.approx(1)


def test_nothing_shared_by_runs_without_a_model_names_no_command(
    api: Client, open_page: Open, add: Add
) -> None:
    app = _open(open_page, api, [add("one", status="failed"), add("two", status="failed")])
    assert "Not scored on the same episodes as one: two." in text(app)
    assert not app.code


def test_accuracy_is_drawn_over_the_numbers_that_differ(api: Client, open_page: Open, add: Add) -> None:
    grid = [(0.1, 8, 0.7), (0.1, 16, 0.8), (1.0, 8, 0.6), (1.0, 16, 0.9)]
    ids = [add(f"{lam} {steps}", best, lam=lam, inner_steps=steps) for lam, steps, best in grid]
    ids += [add("again", 0.8, lam=1.0, inner_steps=16, seed=1), add("unvalidated", None)]
    app = _open(open_page, api, ids)
    lines = _rows(app, "Settings and accuracy")
    assert {row["setting"] for row in lines} == {"λ", "inner steps", "accuracy"}
    assert len({row["label"] for row in lines}) == 5
    assert "1 experiment not validated yet" in text(app)
    cells = _rows(app, "Accuracy by λ and inner steps")
    [twice] = [cell for cell in cells if cell["n"] == 2]
    assert (twice["across"], twice["down"], twice["accuracy"]) == (1.0, 16.0, pytest.approx(0.85))
    assert len(cells) == 4


def test_running_experiment_is_asked_anew_and_a_completed_one_is_not(
    api: Client, api_store: Store, open_page: Open, add: Add
) -> None:
    ids = [add("done"), add("running", status=None)]
    app = _open(open_page, api, ids, metric="outer_loss")
    with api_store.transaction() as transaction:
        for each in ids:
            transaction.metrics.write(each, [Metric("outer_loss", 101, 5.0)])
    app.run()
    assert [row["curve"] for row in _rows(app, "Outer loss") if row["value"] == 5] == [ids[1]]


def test_names_and_metrics_are_shown_as_they_are(
    api: Client, api_store: Store, open_page: Open, add: Add
) -> None:
    ids = [add("*one* `$x$`"), add("<b>two")]
    with api_store.transaction() as transaction:
        transaction.metrics.write(ids[0], [Metric("a*b*c", 1, 1.0)])
    app = _open(open_page, api, ids, metric="a*b*c")
    assert r"**A\*b\*c**" in [element.value.split("  ")[0] for element in app.markdown]
    assert _names(app) == ["*one* `$x$`", "<b>two"]


def test_thirty_experiments_have_thirty_marks(api: Client, open_page: Open, add: Add) -> None:
    ids = [add(f"run-{index}", 0.5 + index / 100, lam=index + 0.5) for index in range(30)]
    app = _open(open_page, api, ids)
    dashes = _spec(app, "Validation accuracy")["layer"][1]["encoding"]["strokeDash"]["scale"]["range"]
    colours = 6  # of the theme
    assert len({(index % colours, tuple(dash)) for index, dash in enumerate(dashes)}) == 30
    assert len(_names(app)) == 30
