"""The dashboard's entry: `streamlit run dashboard/app.py`, or `imaml dashboard`."""

from pathlib import Path

import streamlit as st

from dashboard.failures import failure_shown

HERE = Path(__file__).parent

st.set_page_config(page_title="imaml", page_icon=str(HERE / "icon.png"), layout="wide")
st.html(HERE / "style.css")
st.logo(str(HERE / "logo.svg"))
page = st.navigation(
    [
        st.Page("views/teach.py", title="Teach", default=True),
        st.Page("views/experiments.py", title="Experiments"),
        st.Page("views/experiment.py", title="Experiment", visibility="hidden"),
        st.Page("views/compare.py", title="Compare"),
        st.Page("views/models.py", title="Models"),
        st.Page("views/adaptations.py", title="Adaptations"),
    ],
    position="top",
)
with failure_shown():
    page.run()
