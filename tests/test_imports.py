"""What serves must run where torch is not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

PROGRAMME = """
import importlib, pkgutil, sys

sys.modules["torch"] = None  # importing it now fails, wherever it is installed
for name in ("backend", "imaml.runtime", "imaml.store", "imaml.client", "imaml.cli", "imaml.commands"):
    module = importlib.import_module(name)
    print(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
        importlib.import_module(found.name)
        print(found.name)
"""


def test_nothing_that_serves_imports_torch() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAMME], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    imported = set(result.stdout.split())
    assert {
        "backend.routes.predictions",
        "imaml.runtime.adaptation",
        "imaml.store.repository.models",
        "imaml.client",
    } <= imported
