"""A worker seen from our side."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.peers.environment import PYTHON, PeerError, learn2learn_source
from benchmarks.peers.work import Gradient, Work

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Worker:
    """One library's meta-gradient in a process of its environment."""

    process: subprocess.Popen[str]
    folder: Path
    """Of its own; what it complains of is in its file `stderr`."""

    def seconds(self) -> float:
        """Time of one meta-gradient. Raises PeerError where the process ended."""
        return self._ask({"do": "run"})["seconds"]

    def gradient(self) -> Gradient:
        """The outer loss and the meta-gradient. Raises PeerError where the process ended."""
        path = self.folder / "gradient.pt"
        loss = self._ask({"do": "gradient", "path": str(path)})["loss"]
        gradient: list[Tensor] = torch.load(path, weights_only=True)
        return torch.tensor(loss), gradient

    def _ask(self, request: dict[str, str]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, ValueError) as error:
            self.process.wait()
            lines = (self.folder / "stderr").read_text().strip().splitlines()
            raise PeerError(lines[-1] if lines else "the process ended without a word") from error


@contextmanager
def start(peer: str, work: Work, device: torch.device) -> Generator[Worker, None, None]:
    """A worker for torchopt or learn2learn, until the end of the context."""
    with TemporaryDirectory() as name, Path(name, "stderr").open("w") as complaints:
        folder = Path(name)
        work.save(folder / "work.pt")
        threads, source = str(torch.get_num_threads()), str(learn2learn_source())
        process = subprocess.Popen(
            [str(PYTHON), "-m", "benchmarks.peers.worker", peer, name, str(device), threads, source],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        try:
            yield Worker(process, folder)
        finally:
            assert process.stdin
            with suppress(BrokenPipeError):  # it has ended already
                process.stdin.close()
            process.wait()
