"""What was learned before, opened again by its address."""

import streamlit as st

from dashboard.connection import client
from dashboard.teach.learning import ADDRESS
from dashboard.teach.lesson import Desk
from dashboard.teach.recipe import adopt
from imaml.client import ApiError, Limits


def reopen(desk: Desk, limits: Limits) -> None:
    """Lay out the adaptation that the page's address names, unless it lies there already."""
    wanted = st.query_params.get(ADDRESS)
    if not wanted or (desk.lesson is not None and desk.lesson.adaptation.id == wanted):
        return
    try:
        with st.spinner("Opening what was learned"):
            adaptation = client().adaptation(wanted)
            model = client().model(f"{adaptation.model}:{adaptation.model_version}")
            examples = client().examples(wanted)
    except ApiError as error:
        del st.query_params[ADDRESS]
        if error.status != 404:
            raise
        st.info("What this address named is gone: it has expired, was deleted, or kept no examples.")
        return
    if model.takes_images:
        st.query_params["model"] = model.reference
        desk.reopen(adaptation, examples, model, adopt(adaptation.recipe, model, limits))
