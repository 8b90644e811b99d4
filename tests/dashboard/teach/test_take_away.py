"""The calls that do the same: complete, safe to paste, and without anybody's key."""

import ast
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.teach.lesson import Group, Picture
from dashboard.teach.take_away import file_names
from imaml.client import Client
from tests.dashboard.conftest import Open
from tests.dashboard.pages import teach, text
from tests.services import Examples

NAMES = st.text(max_size=8) | st.sampled_from(["a.png", "A.png", "a 2.png", "drawing", "-", "x;type=a,b.png"])
PICTURES = st.builds(Picture, NAMES, st.just(b""), st.sampled_from(["", "a", "b;"]))


@given(st.lists(st.tuples(NAMES, st.lists(PICTURES, max_size=4)), max_size=4))
def test_file_names_are_unique_and_safe_for_curl(classes: list[tuple[str, list[Picture]]]) -> None:
    groups = [Group(number, name, pictures) for number, (name, pictures) in enumerate(classes)]
    names = [name for files in file_names(groups).values() for name in files]
    assert len(names) == sum(len(pictures) for _, pictures in classes)
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name[0] not in "-./@<"
        assert not set(name) & set(',;"\\\n=')


def test_names_that_files_had_are_kept() -> None:
    zipped = [Picture("0.png", b"", folder) for folder in ("cat", "dog")]
    groups = [Group(1, "cat", [zipped[0], Picture("drawing", b"")]), Group(2, "dog", [zipped[1]])]
    assert file_names(groups) == {"cat": ["cat/0.png", "cat/2.png"], "dog": ["dog/0.png"]}


@pytest.mark.parametrize("label", ["@home", "a;type=b", 'it\'s "so"', "<a, $HOME"])
def test_calls_that_do_the_same_are_filled_in(
    api: Client, open_page: Open, two: Examples, label: str
) -> None:
    first, second = two.values()
    app = open_page(api.url)
    teach(app, {label: first, "other": second})
    python, shell = (block.value for block in app.code[:2])
    [lists] = [node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Dict)]
    files = ast.literal_eval(lists)
    assert {name: len(each) for name, each in files.items()} == {label: 3, "other": 3}
    assert f'Client("{api.url}")' in python

    taught, asked = (shlex.split(command) for command in shell.replace("\\\n", "").split("\n\n"))
    [adaptation] = api.adaptations()
    assert taught[:4] == ["curl", f"{api.url}/v1/adaptations", "--form-string", "model=small:1"]
    pairs = [(name, file) for name, each in files.items() for file in each]
    assert taught[4:] == [
        word
        for name, file in pairs
        for word in ("--form", f"examples=@{file}", "--form-string", f"labels={name}")
    ]
    assert asked[1] == f"{api.url}/v1/adaptations/{adaptation.id}/predictions"


def test_key_in_use_is_asked_for_and_never_shown(
    api: Client, open_page: Open, two: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAML_API_KEY", "a-secret-key")
    app = open_page(api.url)
    teach(app, two)
    python, shell = (block.value for block in app.code[:2])
    for command in shell.split("\n\n"):
        words = shlex.split(command)
        assert words[1:3] == ["--header", "Authorization: Bearer $IMAML_API_KEY"]
    assert "from the environment variable `IMAML_API_KEY`" in text(app)
    assert "a-secret-key" not in python + shell + text(app)
