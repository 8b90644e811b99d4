"""Models: all that can be taught, or the one that the address names: `/models?model=name:version`."""

import streamlit as st

from dashboard.review.models.address import MODEL, show_all
from dashboard.review.models.detail import model_detail
from dashboard.review.models.listing import model_list

if reference := st.query_params.get(MODEL):
    st.button("All models", icon=":material/arrow_back:", type="tertiary", key="all", on_click=show_all)
    model_detail(reference)
else:
    st.title("Models", anchor=False)
    st.markdown("What training has left behind: each version can be taught, and never changes.")
    model_list()
