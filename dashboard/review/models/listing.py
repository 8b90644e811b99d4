"""All models, to find one."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.downloads import csv_download
from dashboard.review.models.address import SEARCH, show_model
from imaml.client import Model

OPEN, TEACH = "model-opened", "model-taught"


def model_list() -> None:
    """Draw the search and the models that it finds, by name, newest version first."""
    models = client().models()
    if not models:
        _none()
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="model-search"):
        text = st.text_input(
            "Search", key=SEARCH, bind="query-params", placeholder="Part of a name", width=300, live=True
        )
        found = sorted((model for model in models if text.casefold() in model.name.casefold()), key=_place)
        csv_download([_row(model) for model in found], "models.csv")
    if found:
        _table(found)
    else:
        st.info("No model has this in its name; clear the search to see all.")


def _place(model: Model) -> tuple[str, int]:
    return model.name, -model.version


def _row(model: Model) -> dict[str, object]:
    return {
        "Model": model.reference,
        "Aliases": model.aliases,
        "Trained on": model.dataset,
        "Task": model.task,
        "Classes": sentences.ways(model),
        "Input": sentences.inputs(model),
        "Recipe": sentences.recipe(model.recipe),
        "Created": model.created_at,
    }


def _table(models: Sequence[Model]) -> None:
    aliases = sorted({alias for model in models for alias in model.aliases})
    st.dataframe(
        [{**_row(model), "Teach": ":material/school: Teach"} for model in models],
        column_order=("Model", "Teach", "Aliases", "Trained on", "Task", "Classes", "Recipe", "Created"),
        column_config={
            "Model": st.column_config.ButtonColumn(
                help="Name and version.", pinned=True, alignment="left", key=OPEN
            ),
            "Aliases": st.column_config.MultiselectColumn(
                help="Names for this version. The **champion** is what the model's name alone means.",
                options=aliases,
                color="primary",
            ),
            "Trained on": st.column_config.TextColumn(help="The data set of its meta-training."),
            "Classes": st.column_config.TextColumn(help="How many it can tell apart at once."),
            "Recipe": st.column_config.TextColumn(
                help="How it adapts to examples: steps, solver, rate and λ."
            ),
            "Created": st.column_config.DatetimeColumn(
                "Created (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC"
            ),
            "Teach": st.column_config.ButtonColumn("", type="tertiary", key=TEACH),
        },
        hide_index=True,
        alt="Models",
    )
    if opened := st.session_state.get(OPEN):
        show_model(opened["label"])
        st.rerun()
    if taught := st.session_state.get(TEACH):
        reference = models[taught["row"]].reference
        st.switch_page("views/teach.py", query_params={"model": reference})


def _none() -> None:
    with st.container(border=True, key="no-model"):
        st.subheader("There is no model yet", anchor=False)
        st.markdown("`make up` loads the starter model, and this trains one of your own:")
        st.code("imaml train --name first --dataset glyphs", language="sh")
