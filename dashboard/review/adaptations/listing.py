"""What was learned and is kept, page by page."""

import hashlib
from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.downloads import csv_download
from dashboard.review import pages
from dashboard.review.adaptations.actions import actions, notices
from imaml.client import Adaptation, Model

LISTING = "adaptations"
ON_A_PAGE = 50
ADDRESS = "model"  # of the filter, among the query parameters
_FILTER = "adaptations-of"


def adaptation_list() -> None:
    """Draw the filter, one page of adaptations and what can be done with those that are selected."""
    notices()
    models = client().models()
    with st.container(horizontal=True, vertical_alignment="bottom", key="adaptation-filter"):
        wanted = _wanted(models)
        download = st.container(width="content")
    service = client()
    page = pages.fetch(
        LISTING,
        wanted,
        lambda cursor: service.adaptations_page(model=wanted, cursor=cursor, limit=ON_A_PAGE),
    )
    if not page.items:
        _none(wanted, first=pages.ADDRESS not in st.query_params)
    else:
        with download:
            csv_download([_exact(adaptation) for adaptation in page.items], "adaptations.csv")
        actions(_selected(page.items), models)
    pages.turn(LISTING, page.next_cursor)


def _wanted(models: Sequence[Model]) -> str | None:
    """Draw the filter as the address has it, and return the reference of the model that is wanted."""
    references = list(dict.fromkeys(model.reference for model in models))
    wanted = st.query_params.get(ADDRESS)
    if wanted and wanted not in references:
        references.append(wanted)  # a name or an alias, or what the service refuses in a sentence
    st.session_state[_FILTER] = wanted
    st.selectbox(
        "Model",
        references,
        index=None,
        placeholder="All models",
        key=_FILTER,
        width=300,
        on_change=_filter,
    )
    return wanted


def _filter() -> None:
    if wanted := st.session_state[_FILTER]:
        st.query_params[ADDRESS] = wanted
    else:
        st.query_params.pop(ADDRESS, None)


def _selected(adaptations: Sequence[Adaptation]) -> list[Adaptation]:
    """Draw the table, and return what is selected in it."""
    ids = " ".join(adaptation.id for adaptation in adaptations)
    event = st.dataframe(
        [_row(adaptation) for adaptation in adaptations],
        column_config=_COLUMNS,
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
        # Rows are selected by their place: where others stand there, another key forgets the selection.
        key=f"adaptations-{hashlib.sha256(ids.encode()).hexdigest()[:16]}",
        alt="Adaptations",
    )
    return [adaptations[row] for row in event["selection"]["rows"]]


_COLUMNS = {
    "Name": st.column_config.TextColumn(pinned=True),
    "Model": st.column_config.TextColumn(help="The version that learned it."),
    "Number": st.column_config.NumberColumn(help="How many classes it tells apart.", format="localized"),
    "Made": st.column_config.DatetimeColumn("Made (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC"),
    "By": st.column_config.TextColumn(help="The API key that it was made with."),
    "Expires": st.column_config.DatetimeColumn(
        format="distance", help="After that the service forgets it; – is never. The CSV has the moment."
    ),
    "Validated": st.column_config.CheckboxColumn(
        help="Whether it adapted with the recipe that its model was trained and evaluated with."
    ),
    "Accuracy": st.column_config.TextColumn(
        help="On its own examples, which says little of new ones. Of numbers there is none."
    ),
    "Examples": st.column_config.CheckboxColumn(
        help="Whether they are kept: then it can be opened in Teach and extended by more."
    ),
}


def _row(adaptation: Adaptation) -> dict[str, object]:
    accuracy = adaptation.solution.support_accuracy
    return {
        "Name": adaptation.name,
        "Model": f"{adaptation.model}:{adaptation.model_version}",
        "Classes": sentences.some(adaptation.classes),
        "Number": len(adaptation.classes),
        "Made": adaptation.created_at,
        "By": adaptation.created_by or "without a key",
        "Expires": adaptation.expires_at,
        "Validated": adaptation.recipe.validated,
        "Accuracy": "–" if accuracy is None else sentences.percent(accuracy),
        "Examples": adaptation.examples_stored,
    }


def _exact(adaptation: Adaptation) -> dict[str, object]:
    """Return a row as a program wants it."""
    return {
        **_row(adaptation),
        "Id": adaptation.id,
        "Classes": adaptation.classes,
        "Accuracy": adaptation.solution.support_accuracy,
    }


def _none(wanted: str | None, *, first: bool) -> None:
    if not first:
        st.info("Nothing is left on this page; turn to the one before.")
        return
    with st.container(border=True, key="no-adaptation"):
        of = f" of {sentences.plain(wanted)}" if wanted else ""
        st.subheader(f"There is no adaptation{of}", anchor=False)
        st.markdown("Give a model a few examples of each class, here or from a program:")
        query = {"model": wanted} if wanted else None
        st.page_link("views/teach.py", label="Teach", icon=":material/school:", query_params=query)
        call = (
            f'client.adapt("{wanted or "starter"}", {{"cat": ["cat.png"], "dog": ["dog.png"]}}, name="pets")'
        )
        st.code(call, language="python")
