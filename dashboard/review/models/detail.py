"""One version of a model: what it is, where it comes from, how well it scored, and how to take it along."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.review.models.aliases import CHAMPION, alias_badge, aliases, bare
from dashboard.review.models.lineage import experiment_of, lineage
from dashboard.review.models.recipe import recipe
from dashboard.review.scores import scores
from imaml.client import Model


def model_detail(reference: str) -> None:
    """Draw the model that a reference stands for."""
    model = client().model(reference)
    versions = client().models(name=model.name)
    experiment = experiment_of(model)
    _head(model, versions)
    st.header("How it adapts", anchor=False)
    recipe(model.recipe)
    st.header("Names", anchor=False)
    aliases(model, versions)
    st.header("Lineage", anchor=False)
    lineage(model, versions, experiment)
    st.header("Evaluations", anchor=False)
    evaluations = () if experiment is None else client().evaluations(experiment.id)
    own = [item for item in evaluations if item.model_id in (None, model.id)]
    scores(own, model.reference, model.dataset)
    st.header("Take it elsewhere", anchor=False)
    _export(model)


def _head(model: Model, versions: Sequence[Model]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(sentences.plain(model.reference), anchor=False, width="content")
        for alias in model.aliases:
            alias_badge(alias, model)
        if CHAMPION not in model.aliases and bare(versions).id == model.id:
            st.badge(
                "newest", color="gray", help=f"No version is champion, so `{model.name}` means this one."
            )
    st.caption(f"Created {sentences.moment(model.created_at)} · {model.id}")
    st.markdown(sentences.plain(f"{sentences.about(model)} It takes {sentences.inputs(model)}."))
    st.page_link(
        "views/teach.py",
        label="Teach it",
        icon=":material/school:",
        query_params={"model": model.reference},
    )


def _export(model: Model) -> None:
    service = client()
    file = f"{model.name}-v{model.version}.imaml"
    st.markdown(
        "One file holds its parameters, its graphs and its recipe. Another service takes it in by this:"
    )
    st.code(f"imaml models import {file}", language="sh")
    st.download_button(
        f"Download {file}",
        lambda: service.bundle(model.id),
        file_name=file,
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
    )
