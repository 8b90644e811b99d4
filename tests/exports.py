"""Exports take long: each graph is made once in a run of the tests, by the first process that needs it."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from imaml.export import graphs
from imaml.nets.predictor import Predictor

Export = Callable[[Predictor, str], bytes]


@pytest.fixture(scope="session", autouse=True)
def shared_exports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Graphs hold no parameters, so that a predictor and a function's name tell which it is."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "graphs"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "_to_onnx", cache(_once(graphs._to_onnx, folder)))
        yield


def _once(export: Export, folder: Path) -> Export:
    def read_or_export(predictor: Predictor, name: str) -> bytes:
        file = folder / hashlib.sha256(f"{predictor} {name}".encode()).hexdigest()
        with file.open("a+b") as target:
            fcntl.flock(target, fcntl.LOCK_EX)  # until the file is closed
            if not target.seek(0, os.SEEK_END):
                target.write(export(predictor, name))
                target.flush()
            target.seek(0)
            return target.read()

    return read_or_export
