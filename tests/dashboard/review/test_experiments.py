"""Experiments: found in the list, shown with curves, evaluations, configuration and provenance."""

import json
import math

import pytest

from imaml.client import Client
from imaml.store import Evaluation, Experiment, Metric, Store
from tests.dashboard.conftest import Open
from tests.dashboard.pages import html, text

LIST = "views/experiments.py"
DETAIL = "views/experiment.py"


def _add(store: Store, name: str, status: str | None = None, error: str | None = None) -> str:
    experiment = Experiment(
        name=name,
        algorithm="imaml",
        dataset="glyphs",
        config={"lam": 0.25, "inner_solver": "gradient_descent", "data": None},
        provenance={"git_commit": "abc123", "git_dirty": True, "versions": {"numpy": "2.4"}},
        split={"train": ["a", "b"], "test": ["c"]},
        total_steps=1000,
        tags=["first_try"],
    )
    with store.transaction() as transaction:
        added = transaction.experiments.add(experiment).id
        if status:
            transaction.experiments.finish(added, status, error=error)
    return added


def _measure(store: Store, experiment: str) -> None:
    by_step = {
        "outer_loss": 0.5,
        "meta_gradient_norm": 3.0,
        "inner_residual": 0.01,
        "linear_residual": 0.1,
        "negative_curvature": 0.0,
        "validation_accuracy": 0.9,
        "validation_ci95": 0.02,
        "validation_accuracy_unadapted": 0.85,
    }
    metrics = [Metric(name, step, value) for name, value in by_step.items() for step in (1, 2)]
    metrics += [Metric("outer_loss", 3, math.nan), Metric("validation_accuracy", 3, 0.8)]
    metrics += [Metric("inner_loss", step, 1 / (1 + inner), inner) for step in (1, 2) for inner in range(4)]
    with store.transaction() as transaction:
        transaction.metrics.write(experiment, metrics)


def test_list_shows_every_experiment_with_its_own_address(
    api: Client, api_store: Store, open_page: Open
) -> None:
    one, two = _add(api_store, "one", "completed"), _add(api_store, "two")
    app = open_page(api.url, LIST)
    assert not app.exception
    assert [link.value for link in app.page_link] == ["**two**", "**one**"]
    assert [link.proto.query_string for link in app.page_link] == [f"id={two}", f"id={one}"]
    assert "glyphs · imaml · 0 of 1,000 meta-steps" in text(app)
    assert "first_try" in text(app)


def test_list_is_filtered_by_status_and_text(api: Client, api_store: Store, open_page: Open) -> None:
    _add(api_store, "one", "completed")
    _add(api_store, "two", "failed")
    app = open_page(api.url, LIST)
    app.button_group(key="status").set_value("failed").run()
    assert [link.value for link in app.page_link] == ["**two**"]
    app.text_input(key="q").set_value("one").run()
    assert "No experiment meets these conditions" in text(app)
    app.button_group(key="status").set_value(None).run()
    assert [link.value for link in app.page_link] == ["**one**"]


def test_filters_are_part_of_the_address(api: Client, api_store: Store, open_page: Open) -> None:
    _add(api_store, "one")
    _add(api_store, "two")
    app = open_page(api.url, LIST, {"q": "two"})
    assert [link.value for link in app.page_link] == ["**two**"]


def test_long_list_has_pages(api: Client, api_store: Store, open_page: Open) -> None:
    for index in range(21):
        _add(api_store, f"run-{index}")
    app = open_page(api.url, LIST)
    assert len(app.page_link) == 20
    app.pagination(key="page").set_value(2).run()
    assert [link.value for link in app.page_link] == ["**run-0**"]


def test_empty_list_says_how_to_train_one(api: Client, open_page: Open) -> None:
    app = open_page(api.url, LIST)
    assert "No experiment yet" in text(app)
    assert [code.value for code in app.code] == ["imaml train --name first --dataset glyphs"]


def test_experiment_shows_all_that_was_measured(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = _add(api_store, "one", "completed")
    _measure(api_store, experiment)
    app = open_page(api.url, DETAIL, {"id": experiment})
    assert not app.exception
    assert app.title[0].value == "one"
    assert app.metric[0].value == "90.0 ± 2.0 %"
    charts = [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]
    assert len(charts) == 6
    for title in ("Validation accuracy", "Outer loss", "Meta-gradient norm", "Residuals", "Inner loops"):
        assert f"**{title}**" in text(app)


def test_panels_without_measurements_are_left_out(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = _add(api_store, "one")
    with api_store.transaction() as transaction:
        transaction.metrics.write(experiment, [Metric("outer_loss", 1, 0.5)])
    app = open_page(api.url, DETAIL, {"id": experiment})
    assert len(app.get("vega_lite_chart")) == 1
    untouched = open_page(api.url, DETAIL, {"id": _add(api_store, "two")})
    assert "Nothing has been measured yet." in text(untouched)


def test_experiment_tells_what_was_asked_and_what_it_ran_on(
    api: Client, api_store: Store, open_page: Open
) -> None:
    app = open_page(api.url, DETAIL, {"id": _add(api_store, "one")})
    for name, value in {
        "lam": "0.25",
        "inner solver": "gradient_descent",
        "data": "–",
        "git dirty": "yes",
        "numpy": "2.4",
        "train classes": "2",
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in html(app)


@pytest.mark.parametrize("transductive", [False, True])
def test_evaluations_say_how_they_were_made(
    api: Client, api_store: Store, open_page: Open, transductive: bool
) -> None:
    experiment = _add(api_store, "one", "completed")
    evaluation = Evaluation(
        dataset="glyphs",
        split="test",
        ways=5,
        shots=1,
        queries=15,
        episodes=2,
        seed=1,
        transductive=transductive,
        accuracy=0.9512,
        ci95=0.0041,
        accuracy_unadapted=0.933,
        accuracies=[0.95, 0.9524],
        experiment_id=experiment,
    )
    with api_store.transaction() as transaction:
        transaction.evaluations.add(evaluation)
    app = open_page(api.url, DETAIL, {"id": experiment})
    row = app.table[0].value.iloc[0]
    assert row["Task"] == "5-way 1-shot"
    assert row["Accuracy (95 % CI)"] == "95.1 ± 0.4 %"
    assert row["Without adaptation"] == "93.3 %"
    assert row["Episodes"] == 2
    assert row["Protocol"] == ("transductive" if transductive else "inductive")


def test_experiment_without_evaluations_says_how_to_make_one(
    api: Client, api_store: Store, open_page: Open
) -> None:
    app = open_page(api.url, DETAIL, {"id": _add(api_store, "one")})
    assert [code.value for code in app.code] == ["imaml evaluate one --dataset glyphs --split test"]


def test_failed_experiment_says_why(api: Client, api_store: Store, open_page: Open) -> None:
    app = open_page(api.url, DETAIL, {"id": _add(api_store, "one", "failed", "The loss is not finite.")})
    assert "The loss is not finite." in text(app)


def test_model_of_an_experiment_can_be_taught(
    api: Client, api_store: Store, open_page: Open, model_file: bytes
) -> None:
    experiment = _add(api_store, "one", "completed")
    with api_store.transaction() as transaction:
        transaction.models.add("mine", model_file, experiment_id=experiment)
    app = open_page(api.url, DETAIL, {"id": experiment})
    [link] = [link for link in app.page_link if link.value.startswith("Teach")]
    assert link.proto.query_string == "model=mine%3A1"


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


def test_metrics_and_tasks_of_other_kinds_are_shown(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = _add(api_store, "numbers")
    numbers = Evaluation(
        experiment_id=experiment, dataset="sinusoid", split="test", ways=1, shots=10, queries=10, episodes=2,
        seed=1, transductive=False, accuracy=0.5, ci95=0.1, accuracy_unadapted=0.0, accuracies=[0.4, 0.6],
    )  # fmt: skip
    with api_store.transaction() as transaction:
        transaction.metrics.write(experiment, [Metric("lam_layer0", step, 0.5) for step in (1, 2)])
        transaction.evaluations.add(numbers)
    app = open_page(api.url, DETAIL, {"id": experiment})
    assert not app.exception
    assert "**Lam layer0**" in text(app)
    assert app.table[0].value["Task"].tolist() == ["10 numbers, R²"]
