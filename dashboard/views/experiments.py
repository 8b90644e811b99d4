"""Experiments: every training run, to find one."""

import streamlit as st

from dashboard.review.experiments.listing import experiment_list

st.title("Experiments", anchor=False)
st.markdown("Every training run with its curves, its configuration and how well it scored.")
experiment_list()
