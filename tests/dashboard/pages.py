"""What a visitor does on the pages, and what they read there."""

from collections.abc import Sequence

from streamlit.testing.v1 import AppTest

from tests.services import Examples


def upload(app: AppTest, key: str, files: Sequence[bytes], name: str = "image") -> None:
    """Drop files on the uploader whose key begins so."""
    [uploader] = [widget for widget in app.file_uploader if (widget.key or "").startswith(key)]
    uploader.set_value([(f"{name} {index}.png", file, "image/png") for index, file in enumerate(files)])
    app.run()


def show(app: AppTest, examples: Examples) -> None:
    """Name classes and give them their images."""
    for number, (label, files) in enumerate(examples.items(), 1):
        app.text_input(key=f"name-{number}").set_value(label)
        upload(app, f"images-{number}-", files)


def teach(app: AppTest, examples: Examples) -> None:
    """Name classes, give them their images and teach."""
    show(app, examples)
    app.button(key="teach").click().run()


def html(app: AppTest) -> str:
    """All HTML of the page."""
    return "\n".join(element.value for element in app.html)


def text(app: AppTest) -> str:
    """All text of the page that is Markdown, without its escapes."""
    parts = [*app.title, *app.header, *app.subheader, *app.markdown, *app.caption, *app.error, *app.warning]
    return "\n".join(part.value for part in [*parts, *app.info]).replace("\\", "")
