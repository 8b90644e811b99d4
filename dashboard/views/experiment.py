"""One experiment, the one that the address names: `/experiment?id=…`."""

import streamlit as st

from dashboard.review.experiments.detail import experiment_detail
from dashboard.review.experiments.listing import FOUND

st.page_link(
    "views/experiments.py",
    label="All experiments",
    icon=":material/arrow_back:",
    query_params=st.session_state.get(FOUND),
)
if experiment_id := st.query_params.get("id"):
    experiment_detail(experiment_id)
else:
    st.info("The address names no experiment; choose one from the list.")
