"""The README's calls run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from backend.settings import Settings
from imaml import starter
from imaml.cli import cli
from imaml.store import Store, create_engine
from tests.services import Examples, Serve

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CALLS = "Call it from your app"
ADDRESS = "127.0.0.1:8000"


def blocks(chapter: str, language: str) -> list[str]:
    [text] = re.findall(rf"^## {chapter}\n(.*?)(?=^## )", README, flags=re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def address(serve: Serve, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a service with the starter models."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('readme') / 'imaml.db')}"
    engine = create_engine(url)
    starter.load(Store(engine))
    engine.dispose()
    with serve(Settings(database_url=url)) as served:
        yield served.removeprefix("http://")


@pytest.fixture
def folder(tmp_path: Path, drawings: Examples) -> Path:
    """A folder with the images that the README's calls name."""
    (a1, *_), (b1, who, *_), (c1, *_), _ = drawings.values()
    for name, image in {"a1": a1, "b1": b1, "c1": c1, "who": who}.items():
        (tmp_path / f"{name}.png").write_bytes(image)
    with zipfile.ZipFile(tmp_path / "pages.zip", "w") as archive:
        archive.writestr("page.png", who)
        archive.writestr("notes.txt", "no image")
    return tmp_path


def run(program: list[str], address: str, folder: Path) -> str:
    """What a program prints; the service's own port is all that is changed of it."""
    environment = {**os.environ, "IMAML_API_URL": f"http://{address}"}
    asked = [part.replace(ADDRESS, address) for part in program]
    ended = subprocess.run(asked, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_curl_teaches_and_asks(address: str, folder: Path) -> None:
    [program] = blocks("First call", "sh")
    assert '"label":"b"' in run(["sh", "-ec", program], address, folder)


def test_python_teaches_and_asks(address: str, folder: Path) -> None:
    [program] = blocks("First call", "python")
    label, confidence = run([sys.executable, "-c", program], address, folder).split()
    assert label == "b"
    assert 0.5 < float(confidence) <= 1


def test_the_calls_of_an_app_work(address: str, folder: Path) -> None:
    asynchronous, inference = blocks(CALLS, "python")
    printed = run([sys.executable, "-c", asynchronous], address, folder).splitlines()
    assert [line.split()[0] for line in printed] == ["page.png", "notes.txt", "415"]
    assert "label='b'" in printed[0]
    assert "/problems/unsupported-image" in printed[2]
    assert zipfile.is_zipfile(folder / "letters.zip")
    assert "b'b'" in run([sys.executable, "-c", inference], address, folder)


COMMANDS = re.compile(r"(?:^|`|&& )(?:exec )?imaml ([a-z]+)(?: ([a-z]+))?", re.MULTILINE)


@pytest.mark.parametrize("file", ["README.md", "Dockerfile", "compose.yaml"])
def test_every_command_and_setting_that_is_named_exists(file: str) -> None:
    text = (ROOT / file).read_text()
    for name, word in COMMANDS.findall(text):
        command = cli.commands[name]
        assert not isinstance(command, click.Group) or word in command.commands, (name, word)
    for setting in re.findall(r"IMAML_([A-Z_]+[A-Z])", text):
        assert setting.lower() in Settings.model_fields, setting


def test_compose_builds_and_runs_what_there_is() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services.keys() == {"database", "api", "dashboard"}
    stages = re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    for name in ("api", "dashboard"):
        assert services[name]["build"]["target"] in stages
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
