"""`imaml doctor` tells what is missing and what to do, in any state of an installation, and makes nothing."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from backend.settings import Settings
from imaml.cli import cli
from imaml.commands.doctor import EXTRAS
from imaml.store import Bundle, Store, bundles, create_engine
from tests.services import Serve, add_model

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"

Findings = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation without anything, in a folder that is yet to be made."""
    for name in ("IMAML_DATABASE_URL", "IMAML_DATA", "IMAML_DEVICE", "IMAML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMAML_API_URL", NOBODY)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def installed(home: Path, sqlite_template: Path, model_file: bytes) -> str:
    """URL of a database with a model."""
    home.mkdir()
    shutil.copy(sqlite_template, home / "imaml.db")
    add_model(f"sqlite:///{home / 'imaml.db'}", model_file)
    return f"sqlite:///{home / 'imaml.db'}"


def examine() -> Findings:
    """What it finds, by check; its status and its last line say the same."""
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    findings = json.loads(result.stdout)
    failed = [finding["check"] for finding in findings if finding["status"] == "failure"]
    assert result.exit_code == bool(failed)
    assert (f"Error: not in order: {', '.join(failed)}\n" in result.stderr) == bool(failed)
    for finding in findings:
        assert list(finding) == ["check", "status", "detail", "advice"]
        assert finding["detail"]
        assert (finding["advice"] is None) == (finding["status"] == "ok")
    return {finding.pop("check"): finding for finding in findings}


def test_a_sound_installation_has_nothing_but_a_silent_service_to_warn_of(installed: str, home: Path) -> None:
    before = {path: path.read_bytes() for path in home.iterdir()}
    found = examine()
    assert list(found) == [
        *("python", "serving", "dashboard", "training", "settings"),
        *("home", "database", "model", "device", "api"),
    ]
    assert {name for name, finding in found.items() if finding["status"] != "ok"} == {"api"}
    assert found["model"]["detail"] == "small:1 learns and answers"
    assert found["api"]["status"] == "warning"
    assert found["api"]["detail"] == f"No service answers at {NOBODY}"
    assert "make up" in found["api"]["advice"]
    assert {path: path.read_bytes() for path in home.iterdir()} == before


def test_people_read_a_line_for_each_check(installed: str) -> None:
    found = examine()
    result = CliRunner().invoke(cli, ["doctor"])
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    assert [(status, name) for status, name, _ in lines] == [(f["status"], n) for n, f in found.items()]
    for _, name, text in lines:
        advice = found[name]["advice"]
        assert text == found[name]["detail"] + (f"; {advice}" if advice else "")


def test_an_empty_installation_is_left_empty(home: Path) -> None:
    found = examine()
    assert found["home"] == {"status": "ok", "detail": f"{home} can be made", "advice": None}
    assert (found["database"]["status"], found["model"]["status"]) == ("failure", "failure")
    assert found["database"]["advice"] == "run `imaml db upgrade`"
    assert found["model"]["advice"] == "see to the database first"
    assert not home.exists()


def test_a_database_without_tables_or_of_another_kind_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "imaml.db").touch()
    assert examine()["database"]["advice"] == "run `imaml db upgrade`"
    assert (home / "imaml.db").read_bytes() == b""
    (home / "imaml.db").write_bytes(b"this is no database" * 100)
    assert "not a database" in examine()["database"]["detail"]
    for url, said in {
        "mysql://me:hidden@host/x": "mysql://me:***@host/x",
        "nothing": "no database URL",
        "postgresql://me:hidden@127.0.0.1:9/x": "Connection refused",
    }.items():
        monkeypatch.setenv("IMAML_DATABASE_URL", url)
        found = examine()["database"]
        assert (found["status"], said in found["detail"]) == ("failure", True)
        assert "hidden" not in str(found)


def test_a_database_that_others_serve_is_looked_at(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAML_DATABASE_URL", database_url)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path / "file"))
    found = examine()
    assert found["database"]["status"] == "ok"
    assert found["model"]["detail"] == "none is stored"
    assert "imaml models starters" in found["model"]["advice"]
    assert found["home"]["status"] == "warning"


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMAML_HOME", str(tmp_path / "file" / "home"))
    found = examine()["home"]
    assert (found["status"], found["detail"]) == ("failure", f"{tmp_path / 'file'} may not be written")
    assert "IMAML_HOME" in found["advice"]


def test_a_model_that_would_fail_or_is_damaged_is_told(installed: str, model_bundle: Bundle) -> None:
    graphs = {**model_bundle.graphs, "predict": model_bundle.graphs["centre"]}
    broken = Bundle(model_bundle.description, model_bundle.parameters, graphs)
    add_model(installed, bundles.write(broken), "broken")
    found = examine()["model"]
    assert found["status"] == "failure"
    assert found["detail"].startswith("broken:1 fails (")
    engine = create_engine(installed)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE blobs SET data = x'00'")
    engine.dispose()
    found = examine()["model"]
    assert "damaged" in found["detail"]
    assert "backup" in found["advice"]


@pytest.mark.parametrize(
    ("name", "value", "check", "said"),
    [
        ("IMAML_WORKERS", "0", "settings", "IMAML_WORKERS is '0'"),
        ("IMAML_DEVICE", "tpu", "settings", "IMAML_DEVICE is 'tpu'"),
        ("IMAML_HOME", "~no-such-user/imaml", "settings", "no home folder"),
        ("IMAML_DATA", "/nowhere/at/all", "data", "/nowhere/at/all is not there"),
    ],
)
def test_a_setting_that_cannot_be_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, check: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    found = examine()[check]
    assert (found["status"], said in found["detail"]) == ("failure", True)


def test_data_that_are_there_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAML_DATA", str(tmp_path))
    assert examine()["data"] == {"status": "ok", "detail": str(tmp_path), "advice": None}


def test_the_service_is_asked_with_the_key(
    installed: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(Settings(database_url=installed)) as url:
        monkeypatch.setenv("IMAML_API_URL", url)
        assert examine()["api"] == {"status": "ok", "detail": f"the service answers at {url}", "advice": None}
        engine = create_engine(installed)
        with Store(engine).transaction() as transaction:
            _, key = transaction.keys.create("local", ["predict"], None)
        engine.dispose()
        found = examine()["api"]
        assert (found["status"], "needs a key" in str(found)) == ("warning", True)
        monkeypatch.setenv("IMAML_API_KEY", key)
        assert examine()["api"]["status"] == "ok"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("IMAML_API_KEY", "imaml_\x1b", "copy the key again"),
        ("IMAML_API_URL", "no address", "it does not begin with http://"),
        ("IMAML_API_URL", "http://127.0.0.1:port", "Invalid port: 'port'"),
    ],
)
def test_a_service_that_cannot_be_asked_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    found = examine()["api"]
    assert (found["status"], said in str(found.values())) == ("warning", True)


def test_without_torch_it_is_the_training_that_is_missing(home: Path) -> None:
    program = "import sys; sys.modules['torch'] = None; sys.argv = ['imaml', 'doctor', '--json']; " + (
        "from imaml.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    training = next(finding for finding in json.loads(result.stdout) if finding["check"] == "training")
    assert training["status"] == "warning"
    assert training["detail"] == "without torch"
    assert "imaml[train]" in training["advice"]
    assert "Traceback" not in result.stderr


def test_an_extra_is_the_modules_of_its_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra, modules in (text.split(": ") for text in EXTRAS.values()):
        required = {Requirement(text) for text in project["optional-dependencies"][extra]}
        everywhere = {
            requirement.name.replace("-", "_") for requirement in required if not requirement.marker
        }
        assert set(modules.split()) == everywhere
