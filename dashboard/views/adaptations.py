"""Adaptations: what was learned and is kept, of all models or one: `/adaptations?model=name:version`."""

import streamlit as st

from dashboard.review.adaptations.listing import adaptation_list

st.title("Adaptations", anchor=False)
st.markdown("What models have learned from examples, each kept until it expires or is deleted.")
adaptation_list()
