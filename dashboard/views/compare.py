"""Compare: any number of experiments side by side, those that the address names: `/compare?ids=…`."""

import streamlit as st

from dashboard.review.comparison.page import comparison

st.title("Compare", anchor=False)
st.markdown("Experiments side by side: their curves, what was set differently, and which one is better.")
comparison()
