"""Where a run's numbers come from: code, data, versions and hardware."""

import os
import platform
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from imaml.tasks.dataset import Dataset

PACKAGES = ("imaml", "torch", "numpy", "onnx", "onnxruntime")


def provenance(dataset: Dataset, device: torch.device) -> dict[str, Any]:
    """What to store beside a run so that its numbers can be traced and repeated."""
    return {
        **_code(),
        "dataset_fingerprint": dataset.fingerprint,
        "dataset_classes": len(dataset.class_names),
        "dataset_images": len(dataset.examples),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "hardware": hardware(device),
        "threads": torch.get_num_threads(),
        "host": socket.gethostname(),
        "process": os.getpid(),
    }


def _code() -> dict[str, str | bool | None]:
    """The commit of the checkout that this package lies in, if it lies in one of its own."""
    if _git("rev-parse", "--show-toplevel") != str(Path(__file__).resolve().parents[2]):
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": _git("rev-parse", "HEAD"), "git_dirty": bool(_git("status", "--porcelain"))}


def _git(*arguments: str) -> str | None:
    """Output of a git command about this code, or None where it does not lie in a git checkout."""
    folder = Path(__file__).parent
    try:
        result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def _version(package: str) -> str | None:
    for name in (package, f"{package}-gpu"):  # onnxruntime comes under either name
        try:
            return version(name)
        except ImportError:
            continue
    return None


def hardware(device: torch.device) -> str:
    """The name of a GPU, or of this machine's processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
