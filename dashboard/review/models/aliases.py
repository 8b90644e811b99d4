"""The names that stand for a version of a model, and how they come to stand for another."""

from collections.abc import Sequence

import streamlit as st

from dashboard import sentences
from dashboard.connection import client
from imaml.client import ClientError, Model

CHAMPION = "champion"
_MEANING = "The champion is the version that the model's name alone stands for."
_REFUSED = "alias-refused"


def alias_badge(alias: str, model: Model) -> None:
    """Draw an alias of a model with what it means."""
    stands = f"`{model.name}@{alias}` stands for {sentences.plain(model.reference)}."
    if alias == CHAMPION:
        st.badge(alias, icon=":material/trophy:", color="green", help=f"{_MEANING} {stands}")
    else:
        st.badge(sentences.badge(alias), help=stands)


def bare(versions: Sequence[Model]) -> Model:
    """Return the version that the name alone stands for."""
    return _holder(versions, CHAMPION) or max(versions, key=lambda version: version.version)


def aliases(model: Model, versions: Sequence[Model]) -> None:
    """Draw what each name stands for, and what lets one stand for this version."""
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(sentences.plain(refused), icon=":material/error:")
    _standing(model, versions)
    others = sorted({alias for version in versions for alias in version.aliases} - {*model.aliases, CHAMPION})
    with st.container(horizontal=True, vertical_alignment="bottom", key="naming"):
        is_champion = CHAMPION in model.aliases
        if st.button(
            "Make it the champion",
            icon=":material/trophy:",
            disabled=is_champion,
            help=_MEANING,
            key="promote",
        ):
            _confirm(model, versions, CHAMPION)
        alias = st.selectbox(
            "Another alias",
            others,
            index=None,
            key=f"alias-{model.id}-{len(model.aliases)}",  # another key, so that it is empty again
            accept_new_options=True,
            placeholder="Choose one or write a new one",
            width=300,
        )
        if st.button("Let it stand for this version", disabled=not alias, key="name-it") and alias:
            _confirm(model, versions, alias.strip())


def _standing(model: Model, versions: Sequence[Model]) -> None:
    meant = {model.name: bare(versions)}
    meant |= {f"{model.name}@{alias}": version for version in versions for alias in version.aliases}
    rows = [
        f"`{name}` :gray[stands for] {sentences.plain(held.reference)}"
        for name, held in sorted(meant.items())
    ]
    st.markdown("  \n".join(rows))


@st.dialog("Change what a name stands for")
def _confirm(model: Model, versions: Sequence[Model], alias: str) -> None:
    st.markdown(change(model, versions, alias))
    st.markdown("Whoever asks by that name gets this version from then on.")
    with st.container(horizontal=True):
        if st.button("Change it", type="primary", key="change", on_click=_set, args=[model.reference, alias]):
            st.rerun()
        if st.button("Leave it", key="leave"):
            st.rerun()


def change(model: Model, versions: Sequence[Model], alias: str) -> str:
    """Return in Markdown what an alias stands for now, and what it will."""
    holder = _holder(versions, alias)
    name, then = sentences.plain(alias), sentences.plain(model.reference)
    now = (
        f"**{name}** is {sentences.plain(holder.reference)} now"
        if holder
        else f"**{name}** is no version yet"
    )
    if alias != CHAMPION:
        return f"{now}; from then on `{model.name}@{alias}` means {then}."
    if holder is None:
        now += f", so `{model.name}` means the newest, {sentences.plain(bare(versions).reference)}"
    return f"{now}; from then on `{model.name}` means {then}."


def _holder(versions: Sequence[Model], alias: str) -> Model | None:
    return next((version for version in versions if alias in version.aliases), None)


def _set(reference: str, alias: str) -> None:
    if {*alias} & {*"@:/"}:
        st.session_state[_REFUSED] = f"A name may not have @, : or / in it, as “{alias}” has; choose another."
        return
    try:
        client().set_alias(reference, alias)
    except ClientError as error:
        st.session_state[_REFUSED] = str(error)
