"""The call that teaches, and the address of what came of it."""

import streamlit as st

from dashboard.connection import client
from dashboard.failures import refusal_shown
from dashboard.teach.lesson import Desk
from imaml.client import Model

ADDRESS = "adaptation"  # of what was learned, among the query parameters


def learn(desk: Desk, model: Model) -> None:
    """Teach what lies before the visitor, and draw the page anew; or show why that is refused."""
    with refusal_shown(), st.spinner("Learning"):
        adaptation = client().adapt(model.id, desk.examples(), **desk.options)
        desk.learned(adaptation, model)
        st.query_params[ADDRESS] = adaptation.id
        st.rerun()
