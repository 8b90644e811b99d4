"""What every benchmark is told."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Setting:
    """Where to measure, and how often each side takes its turn."""

    device: torch.device
    rounds: int
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print how far it is."""
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)


@contextmanager
def cpu_threads(number: int) -> Generator[None, None, None]:
    """So many threads for PyTorch inside."""
    usual = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
