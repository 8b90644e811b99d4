"""A pad to draw on, for pages that take images."""

import base64
from pathlib import Path

from streamlit.components.v2 import component

_HERE = Path(__file__).parent
_HTML, _CSS, _JS = (
    _HERE.joinpath(f"pad.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
)
_component = component("imaml_pad", html=_HTML, css=_CSS, js=_JS)


def pad(label: str, action: str, key: str) -> bytes | None:
    """Draw the pad; return the drawing, a PNG file, in the run in which the visitor hands it over.

    `label` names it for screen readers, `action` is what its button says.
    """
    result = _component(
        key=key, data={"label": label, "action": action}, on_drawn_change=lambda: None, height="content"
    )
    return base64.b64decode(result.drawn) if result.drawn else None
