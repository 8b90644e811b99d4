"""What an experiment leaves behind: its checkpoint, and the models made from it."""

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from imaml.client import ExperimentDetail, Model


def models(experiment: ExperimentDetail) -> None:
    """Draw the models, and what the run could be resumed from."""
    made = client().models(experiment_id=experiment.id)
    if not made:
        st.caption("No model yet: one is made when the training ends.")
    for model in made:
        _model(model)
    st.subheader("Checkpoint", anchor=False)
    if experiment.checkpoint_bytes is None:
        st.caption("None: it is saved at the first validation, and kept so that the run can be resumed.")
        return
    size = sentences.size(experiment.checkpoint_bytes)
    st.markdown(f"At meta-step {experiment.step:,}, {size}: θ, the best θ so far and the optimiser's state.")
    if experiment.status not in ("running", "completed"):
        st.markdown("The same command with `--resume` goes on from there.")


def _model(model: Model) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"made-{model.id}"):
        st.markdown(f"**{sentences.plain(model.reference)}**", width="content")
        for alias in model.aliases:
            st.badge(sentences.badge(alias), color="violet")
        st.caption(sentences.moment(model.created_at), width="stretch")
        query = {"model": model.reference}
        st.page_link(
            "views/models.py", label="Look at it", icon=":material/deployed_code:", query_params=query
        )
        st.page_link("views/teach.py", label="Teach it", icon=":material/school:", query_params=query)
