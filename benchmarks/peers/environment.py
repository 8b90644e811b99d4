"""The environment of the libraries that we compare with: their pinned versions, and the torch of this one."""

import subprocess
import sys
import tarfile
from pathlib import Path

import torch

FOLDER = Path(__file__).parents[1]
ENVIRONMENT = FOLDER / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
SOURCES = ENVIRONMENT / "sources"


class PeerError(RuntimeError):
    """A peer cannot be installed or run here; the message says why."""


def prepare() -> None:
    """Make the environment, unless the one that is there has these pins. Raises PeerError where it fails."""
    pins = (FOLDER / "requirements.txt").read_text()
    stamp = ENVIRONMENT / "pins"
    if stamp.exists() and stamp.read_text() == pins:
        return
    _run(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT))
    (site,) = ENVIRONMENT.glob("lib/python*/site-packages")
    (site / "torch_of_imaml.pth").write_text(f"{Path(torch.__file__).parents[1]}\n")
    wheels = [pin for pin in pins.split() if not pin.startswith("learn2learn")]
    _run(str(PYTHON), "-m", "pip", "install", "--no-deps", *wheels)
    # learn2learn's generated C code does not compile on Python 3.11; its MAML is plain Python.
    (source,) = (pin for pin in pins.split() if pin not in wheels)
    _run(str(PYTHON), "-m", "pip", "download", "--no-deps", "--dest", str(SOURCES), source)
    for archive in SOURCES.glob("*.tar.gz"):
        with tarfile.open(archive) as opened:
            opened.extractall(SOURCES, filter="data")
    stamp.write_text(pins)


def learn2learn_source() -> Path:
    """The folder of learn2learn's unpacked source distribution."""
    (folder,) = (path for path in SOURCES.glob("learn2learn-*") if path.is_dir())
    return folder


def photographs() -> list[Path]:
    """The two sample photographs of scikit-learn. Raises PeerError where it cannot be had."""
    prepare()
    return sorted(ENVIRONMENT.glob("lib/python*/site-packages/sklearn/datasets/images/*.jpg"))


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        raise PeerError(f"{' '.join(command[:4])} … failed: {lines[-1] if lines else result.returncode}")
