"""`imaml data` knows every data set, and loads it from where the settings say."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from imaml.cli import cli
from imaml.commands.data import load
from imaml.runtime.inputs import Photos
from imaml.tasks import NAMES
from tests.tasks.archives import photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three class folders with an image each."""
    for name in "abc":
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "1.png").write_bytes(photo(1))
    return tmp_path / "data"


def test_every_data_set_is_listed_with_a_line() -> None:
    listed = json.loads(CliRunner().invoke(cli, ["data", "list", "--json"]).stdout)
    assert [row["name"] for row in listed] == list(NAMES)
    assert all(0 < len(row["description"]) < 100 for row in listed)


def test_size_and_colours_are_passed_on(folder: Path) -> None:
    assert load("folder", folder).input == Photos(3, 84, 84)
    assert load("folder", folder, 28, grey=True).input == Photos(1, 28, 28)


def test_without_a_path_the_data_lie_where_the_settings_say(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAML_DATA", str(folder))
    assert load("folder", None, 8).source == str(folder)
