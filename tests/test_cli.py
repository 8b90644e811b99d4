"""The `imaml` command: train, evaluate, move models; one clear line for what goes wrong."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imaml import tasks
from imaml.cli import main
from imaml.commands.database import open_store
from imaml.store import bundles
from imaml.tasks.split import Split
from imaml.training import run as runs
from imaml.training.config import TrainingConfig
from imaml.training.trainer import Trainer

TRAIN = [
    *(
        "train",
        "--name",
        "small",
        "--dataset",
        "omniglot",
        "--device",
        "cpu",
        "--ways",
        "3",
        "--queries",
        "2",
    ),
    *("--filters", "8", "--inner-steps", "2", "--lam", "1.0", "--cg-steps", "1", "--meta-batch", "2"),
    *("--validate-every", "2", "--validation-episodes", "4"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("IMAML_DATABASE_URL", "IMAML_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path))
    return tmp_path


class Output:
    """What a command printed, and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], status: int) -> None:
        self.status = status
        self.out, self.err = capsys.readouterr()

    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Output]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def command(*arguments: str) -> Output:
        monkeypatch.setattr(sys, "argv", ["imaml", *arguments])
        status = 0
        try:
            main()
        except SystemExit as stopped:
            status = stopped.code if isinstance(stopped.code, int) else 0
        return Output(capsys, status)

    return command


def test_train_evaluate_export_import(run: Command, archive: Path, home: Path) -> None:
    trained = run(*TRAIN, "--data", str(archive), "--meta-steps", "3")
    assert trained.status == 0, trained.err
    assert "small:1" in trained.out
    assert "step 3/3" in trained.err

    options = ["--data", str(archive), "--ways", "3", "--queries", "2", "--episodes", "5", "--json"]
    scores = run("evaluate", "small", *options).json()
    expected = {
        "model": "small:1",
        "dataset": "omniglot",
        "split": "test",
        "ways": 3,
        "shots": 1,
        "queries": 2,
    }
    assert scores.items() >= {**expected, "episodes": 5, "transductive": False, "seed": 1}.items()
    for name in ("accuracy", "ci95", "accuracy_unadapted"):
        assert 0 <= scores[name] <= 1
    assert run("evaluate", "small", *options).json() == scores
    transductive = run("evaluate", "small", *options, "--transductive").json()
    assert transductive["transductive"] is True
    with open_store().reading() as transaction:
        stored = transaction.evaluations.list(model_id=scores["model_id"])
    assert scores["accuracy"] in {evaluation.accuracy for evaluation in stored if evaluation.split == "test"}

    file = home / "small.imaml"
    assert run("models", "export", "small", str(file)).status == 0
    assert "copy:1" in run("models", "import", str(file), "--name", "copy").out
    assert {**scores, "model": "", "model_id": ""} == {
        **run("evaluate", "copy", *options).json(),
        "model": "",
        "model_id": "",
    }
    listed = run("models", "list", "--json").json()
    assert [model["model"] for model in listed] == ["copy:1", "small:1"]
    assert run("models", "alias", "small", "champion").status == 0
    shown = run("models", "show", "small@champion", "--json").json()
    assert shown["aliases"] == ["champion"]
    runs = run("experiments", "list", "--json").json()
    assert [experiment["status"] for experiment in runs] == ["completed"]
    details = run("experiments", "show", runs[0]["id"], "--json").json()
    assert details["config"]["ways"] == 3


def long_training(archive: Path) -> subprocess.Popen[str]:
    """A training in a process of its own, with as many threads as here, so that sums round alike."""
    command = [sys.executable, "-m", "imaml", *TRAIN, "--data", str(archive), "--meta-steps", "100000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_killed_training_resumes_as_if_it_had_not_been(run: Command, archive: Path, home: Path) -> None:
    with long_training(archive) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step"):
                break
        store = open_store()
        while True:
            with store.reading() as transaction:
                experiment = transaction.experiments.find_resumable("small")
                if experiment and experiment.checkpoint_sha256:
                    break
        process.send_signal(signal.SIGKILL)
    dataset = tasks.load("omniglot", archive)
    config = TrainingConfig.model_validate(experiment.config)
    resumed = runs.resume(store, experiment, config, dataset)
    reached = resumed.trainer.step
    assert reached > 0
    resumed.train(lambda _: None, lambda: resumed.trainer.step >= reached + 3)
    parts = Split(**{name: tuple(classes) for name, classes in experiment.split.items()})
    unbroken = Trainer(config, dataset, parts)
    while unbroken.step < resumed.trainer.step:
        unbroken.advance()
    assert unbroken.theta.equal(resumed.trainer.theta)


def test_ctrl_c_leaves_a_resumable_run_and_says_how_to_go_on(run: Command, archive: Path, home: Path) -> None:
    with long_training(archive) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("step") and len(lines) == 2:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 1
    assert "interrupted at step" in lines[-1]
    assert "go on with: imaml train --name small --resume" in lines[-1]
    changed = run("train", "--name", "small", "--resume", "--lam", "3", "--data", str(archive))
    assert changed.status == 2
    assert "--lam is 3.0 but the run was started with 1.0" in changed.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("train --name x --lam 0", 2, "--lam"),
        ("train --name x --ways 1", 2, "--ways"),
        ("train --dataset glyphs", 2, "--name"),
        ("train --name x --dataset nothing", 2, "nothing"),
        ("train --name x --dataset omniglot", 1, "--data"),
        ("train --name x --dataset omniglot --data nowhere.zip", 1, "nowhere.zip"),
        ("train --name a:b", 1, "must not contain"),
        ("train --name x --dataset glyphs --data somewhere", 2, "glyphs"),
        ("train --name x --data nowhere.zip", 1, "nowhere.zip"),
        ("train --name x --seed 99999999999999999999", 2, "--seed"),
        ("train --name x --resume", 1, "no unfinished run"),
        ("train --name x --config missing.toml", 2, "missing.toml"),
        ("evaluate nothing", 1, "nothing"),
        ("models show nothing", 1, "nothing"),
        ("models import missing.imaml", 1, "missing.imaml"),
        ("models import pyproject.toml", 1, "not an .imaml bundle"),
        ("experiments show nothing", 1, "nothing"),
        ("no-such-command", 2, "no-such-command"),
    ],
)
def test_what_is_wrong_is_one_line(run: Command, arguments: str, status: int, message: str) -> None:
    result = run(*arguments.split())
    assert result.status == status
    assert message in result.err
    assert "Traceback" not in result.err
    if status == 1:
        assert len(result.err.strip().splitlines()) == 1


def test_settings_come_from_file_and_options_win(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('name = "x"\nlam = -1.0\n')
    assert "--lam" in run("train", "--config", str(file)).err
    file.write_text('name = "x"\nunheard = 1\n')
    assert "--unheard" in run("train", "--config", str(file)).err
    file.write_text('name = "x"\nlam = -1.0\ndataset = "omniglot"\n')
    assert "--data" in run("train", "--config", str(file), "--lam", "1").err


def test_a_broken_database_file_is_one_line(run: Command, home: Path) -> None:
    (home / "imaml.db").write_bytes(b"this is no database" * 100)
    result = run("models", "list")
    assert (result.status, len(result.err.strip().splitlines())) == (1, 1)
    assert "imaml.db" in result.err


def test_config_masks_secrets(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAML_DATABASE_URL", "postgresql://me:hidden@db.example/imaml")
    monkeypatch.setenv("IMAML_API_KEY", "secret-key")
    printed = run("config").out
    assert "db.example" in printed
    assert "hidden" not in printed
    assert "secret-key" not in printed


def test_an_empty_database_says_what_to_do(run: Command) -> None:
    assert "imaml train" in run("models", "list").out
    assert run("models", "list", "--json").json() == []


def test_an_imported_model_that_is_damaged_is_refused(run: Command, home: Path, model_file: bytes) -> None:
    file = home / "damaged.imaml"
    bundle = bundles.read(model_file)
    file.write_bytes(bundles.write(bundles.Bundle(bundle.description, bundle.parameters, {"centre": b"x"})))
    result = run("models", "import", str(file))
    assert result.status == 1
    assert "graph" in result.err


def test_a_setting_of_the_environment_that_cannot_be_is_one_line(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAML_WORKERS", "0")
    result = run("serve")
    assert (result.status, len(result.err.strip().splitlines())) == (1, 1)
    assert "IMAML_WORKERS" in result.err


def test_names_are_shown_as_they_are(run: Command, home: Path, model_file: bytes) -> None:
    file = home / "model.imaml"
    file.write_bytes(model_file)
    assert run("models", "import", str(file), "--name", "[red]x").status == 0
    assert "[red]x:1" in run("models", "list").out
