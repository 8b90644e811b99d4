"""Experiments in a list: found by filters that the address names, in pages, with how well they do."""

import math

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from imaml.client import Client
from imaml.store import Metric, Store
from tests.dashboard.conftest import Open
from tests.dashboard.pages import text
from tests.dashboard.review.runs import add, measure

LIST = "views/experiments.py"


def names(app: AppTest) -> list[str]:
    """Those in the table, none where there is no table."""
    return [name for table in app.dataframe for name in table.value["name"]]


def test_list_shows_every_experiment_with_how_well_it_does(
    api: Client, api_store: Store, open_page: Open
) -> None:
    measure(api_store, add(api_store, "one", "completed", total_steps=3))
    add(api_store, "two", provenance={"wall_seconds": 0.0})
    app = open_page(api.url, LIST)
    assert not app.exception
    new, old = app.dataframe[0].value.to_dict("records")
    assert (new["name"], new["Status"], [*new["Validation"]]) == ("two", "running", [])
    assert math.isnan(new["Accuracy"])
    assert (old["name"], old["Status"], old["Accuracy"]) == ("one", "completed", "90.0 ± 2.0 %")
    assert [*old["Validation"]] == [0.9, 0.9, 0.8]
    assert (old["Algorithm"], old["Data set"], old["Ways"], old["Shots"]) == ("imaml", "glyphs", 5, 1)
    assert [*old["Tags"]] == ["first_try"]
    assert "2 experiments" in text(app)


def test_running_experiment_says_how_long_it_takes(api: Client, api_store: Store, open_page: Open) -> None:
    experiment = add(api_store, "one", provenance={"wall_seconds": 120.0})
    with api_store.transaction() as transaction:
        transaction.experiments.heartbeat(experiment, 500)
    row = open_page(api.url, LIST).dataframe[0].value.iloc[0]
    assert (row["Progress"], row["Time left"]) == (0.5, "2 min")


def test_list_is_filtered_and_cleared(api: Client, api_store: Store, open_page: Open) -> None:
    add(api_store, "one", "completed", config={"ways": 20, "shots": 5}, tags=["b"])
    add(api_store, "two", "failed", dataset="omniglot", algorithm="maml")
    app = open_page(api.url, LIST)
    app.button_group(key="status").set_value("failed").run()
    assert names(app) == ["two"]
    app.text_input(key="q").set_value("one").run()
    assert "No experiment meets these conditions" in text(app)
    app.button_group(key="status").set_value(None).run()
    assert names(app) == ["one"]
    app.text_input(key="q").set_value("").run()
    for key, value, found in (
        ("algorithm", "maml", "two"),
        ("dataset", "glyphs", "one"),
        ("tag", "b", "one"),
        ("ways", 5, "two"),
        ("shots", 5, "one"),
    ):
        app.selectbox(key=key).set_value(value).run()
        assert names(app) == [found], key
        app.selectbox(key=key).set_value(None).run()
    assert names(app) == ["two", "one"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "two"}, ["two"]),
        ({"status": "completed"}, ["one"]),
        ({"ways": "20"}, ["one"]),
        ({"sort": "Name, A to Z"}, ["one", "two"]),
        ({"sort": "Most accurate first"}, ["one", "two"]),
        ({"archived": "true"}, ["away"]),
    ],
    ids=["search", "status", "ways", "name", "accuracy", "archive"],
)
def test_filters_are_part_of_the_address(
    api: Client, api_store: Store, open_page: Open, query: dict[str, str], found: list[str]
) -> None:
    one = add(api_store, "one", "completed", config={"ways": 20, "shots": 1})
    add(api_store, "two")
    away = add(api_store, "away")
    with api_store.transaction() as transaction:
        transaction.experiments.update(away, archived=True)
        transaction.metrics.write(one, [Metric("validation_accuracy", 1, 0.5)])
    assert names(open_page(api.url, LIST, query)) == found


def test_long_list_has_pages_with_an_address_each(api: Client, api_store: Store, open_page: Open) -> None:
    for index in range(26):
        add(api_store, f"run-{index}")
    app = open_page(api.url, LIST)
    assert names(app) == [f"run-{index}" for index in range(25, 0, -1)]
    button(app, "Next").click().run()
    assert names(app) == ["run-0"]
    assert names(open_page(api.url, LIST, {"cursor": app.query_params["cursor"]})) == ["run-0"]
    app.text_input(key="q").set_value("run-2").run()
    assert names(app) == ["run-25", "run-24", "run-23", "run-22", "run-21", "run-20", "run-2"]


def button(app: AppTest, label: str) -> Button:
    """The button with that label."""
    [found] = [button for button in app.button if button.label.startswith(label)]
    return found


def test_those_that_are_ticked_can_be_compared(api: Client, api_store: Store, open_page: Open) -> None:
    ids = [add(api_store, name, "completed") for name in ("one", "two", "three")]
    app = open_page(api.url, LIST)
    assert button(app, "Compare").disabled
    [table] = app.dataframe
    app.session_state[table.key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    app.run()
    button(app, "Compare 2").click().run()
    assert app.query_params["ids"] == f"{ids[2]},{ids[0]}"


def test_columns_are_chosen(api: Client, api_store: Store, open_page: Open) -> None:
    add(api_store, "one", notes="good")
    app = open_page(api.url, LIST)
    app.multiselect(key="columns").set_value(["Notes"]).run()
    assert not app.exception
    assert [*app.dataframe[0].proto.column_order] == ["name", "Notes"]


def test_empty_list_says_how_to_train_one(api: Client, open_page: Open) -> None:
    app = open_page(api.url, LIST)
    assert "No experiment yet" in text(app)
    assert [code.value for code in app.code] == ["imaml train --name first --dataset glyphs"]
