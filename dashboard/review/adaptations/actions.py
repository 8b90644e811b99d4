"""What can be done with adaptations: open one in Teach, take it away, or have the service forget several."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from dashboard.teach.learning import ADDRESS
from imaml.client import Adaptation, ApiError, ClientError, Model

_NOTICES = "adaptations-notices"
_NAMED = 10  # in the question whether to delete
_GONE = 404


def actions(chosen: Sequence[Adaptation], models: Sequence[Model]) -> None:
    """Draw what can be done with those that are chosen."""
    if not chosen:
        st.caption("Select rows to open what was learned in Teach, to download it or to delete it.")
        return
    only = chosen[0] if len(chosen) == 1 else None
    with st.container(horizontal=True, vertical_alignment="center", key="adaptation-actions"):
        if only is not None:
            _open(only, models)
            _download(only)
        label = "Delete" if only else f"Delete {len(chosen)}"
        if st.button(label, icon=":material/delete:", key="delete"):
            _confirm(chosen)
    if only is not None:
        _facts(only)


def notices() -> None:
    """Tell once what came of the last deletion, where that is not what was asked for."""
    for notice in st.session_state.pop(_NOTICES, ()):
        st.info(sentences.plain(notice), icon=":material/info:")


def closed(adaptation: Adaptation, models: Sequence[Model]) -> str | None:
    """Return in a sentence why Teach cannot open it, None where it can."""
    made_with = f"{adaptation.model}:{adaptation.model_version}"
    if not any(model.takes_images for model in models if model.reference == made_with):
        return "Teach opens what was learned from images; this was learned from vectors."
    if not adaptation.examples_stored:
        return "Teach cannot open it: its examples were not kept."
    return None


def _open(adaptation: Adaptation, models: Sequence[Model]) -> None:
    reason = closed(adaptation, models)
    st.page_link(
        "views/teach.py",
        label="Open in Teach",
        icon=":material/school:",
        query_params={ADDRESS: adaptation.id},
        disabled=reason is not None,
    )
    if reason:
        st.caption(reason, width="content")


def _download(adaptation: Adaptation) -> None:
    service = client()
    st.download_button(
        "Download",
        lambda: service.export(adaptation.id),
        file_name=f"{adaptation.name or adaptation.id}.zip",
        mime="application/zip",
        icon=":material/download:",
        help="For ONNX Runtime, with its weights, its classes and an example that asks it.",
        key=f"export-{adaptation.id}",
        on_click="ignore",
    )


def _facts(adaptation: Adaptation) -> None:
    expires = sentences.moment(adaptation.expires_at) if adaptation.expires_at else "never"
    facts = [f"Expires {expires}", f"adapts with {sentences.recipe(adaptation.recipe)}", adaptation.id]
    st.caption(sentences.plain(" · ".join(facts)))


@st.dialog("Delete what was learned?")
def _confirm(chosen: Sequence[Adaptation]) -> None:
    named = [f"- {sentences.plain(sentences.called(adaptation))}" for adaptation in chosen[:_NAMED]]
    if len(chosen) > _NAMED:
        named.append(f"- and {len(chosen) - _NAMED:,} more")
    st.markdown("\n".join(named))
    st.markdown("The service forgets the parameters and the examples. Programs that ask it get no answer.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="forget", on_click=_delete, args=[chosen]):
            st.rerun()
        if st.button("Keep", key="keep"):
            st.rerun()


def _delete(chosen: Sequence[Adaptation]) -> None:
    notices: list[str] = []
    for adaptation in chosen:
        try:
            client().delete_adaptation(adaptation.id)
        except ClientError as error:
            gone = isinstance(error, ApiError) and error.status == _GONE
            notices.append(f"{sentences.called(adaptation)} was gone already." if gone else str(error))
    st.session_state[_NOTICES] = list(dict.fromkeys(notices))
