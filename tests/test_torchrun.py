"""Training over two processes with torchrun: the run of one process, and resumable when one dies."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imaml.commands.database import open_store

TRAIN = (
    *("-m", "imaml", "train", "--name", "small", "--dataset", "clusters", "--ways", "3", "--filters", "4"),
    *("--inner-steps", "1", "--lam", "1", "--cg-steps", "1", "--meta-batch", "3", "--device", "cpu"),
    *("--validate-every", "2", "--validation-episodes", "2", "--minimal-export"),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IMAML_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def start(processes: int, *arguments: str) -> subprocess.Popen[str]:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", f"{processes}")
    command = [sys.executable, *torchrun, *TRAIN, *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def logged(name: str) -> list[float]:
    """A metric of the newest model's run, by step."""
    with open_store().reading() as transaction:
        experiment = transaction.models.resolve("small").experiment_id
        assert experiment is not None
        return [point.value for point in transaction.metrics.read(experiment)[name]]


def test_two_processes_train_as_one_does() -> None:
    losses: list[list[float]] = []
    norms: list[list[float]] = []
    for processes in (1, 2):
        with start(processes, "--meta-steps", "4") as process:
            assert process.stderr is not None
            said = process.stderr.read()
        assert process.returncode == 0, said
        losses.append(logged("outer_loss"))
        norms.append(logged("meta_gradient_norm"))
    assert norms[0][0] == pytest.approx(norms[1][0], rel=1e-5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_worker_that_dies_ends_the_run_with_a_checkpoint_to_resume_from() -> None:
    with start(2, "--meta-steps", "100000") as process:
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("step"):
                os.kill(_worker(process.pid), signal.SIGKILL)
                break
        said += process.stderr.readlines()
    assert process.returncode != 0
    assert any(re.search(r"process of this run has died.*--resume", line) for line in said), said
    with open_store().reading() as transaction:
        experiment = transaction.experiments.find_resumable("small")
    assert experiment is not None
    assert experiment.checkpoint_sha256


def _worker(launcher: int) -> int:
    """The process that torchrun started second."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    ranks = {
        Path(f"/proc/{child}/environ").read_bytes().split(b"\0RANK=")[1][:1]: int(child) for child in children
    }
    return ranks[b"1"]
