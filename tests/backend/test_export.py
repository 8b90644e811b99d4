"""Adapted models that were taken away: they answer as the service does, without it."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import onnx
import onnxruntime
import pytest

from backend.settings import Settings
from imaml.client import Adaptation, Client
from imaml.runtime.inputs import Drawings, Photos
from imaml.store import Bundle, bundles
from tests.backend.test_kinds import ANGLES, PHOTO_EXAMPLES, POINTS, VECTOR_EXAMPLES, VECTORS, photo
from tests.models import CALIBRATION
from tests.services import Examples, Serve, add_model

ASKED_PHOTOS = [photo(colour) for colour in ("#f01010", "#1010f0", "#808080")]
ASKED_VECTORS = np.concatenate([VECTORS[:, 3:].reshape(-1, 4), [[300.0, 7.0, -9.0, 1e6]]]).astype(np.float32)


def exported(kinds: Client, adaptation: Adaptation) -> bytes:
    response = httpx.get(f"{kinds.url}/v1/adaptations/{adaptation.id}/export", timeout=60)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/zip"
    return response.content


def unpacked(kinds: Client, adaptation: Adaptation, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(exported(kinds, adaptation))) as archive:
        archive.extractall(folder)
    return folder


def run_model(folder: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    onnx.checker.check_model(onnx.load(folder / "model.onnx", load_external_data=False), full_check=True)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    [taken] = session.get_inputs()
    assert {taken.name: ["n", *next(iter(inputs.values())).shape[1:]]} == dict.fromkeys(inputs, taken.shape)
    outputs = [output.name for output in session.get_outputs()]
    return dict(zip(outputs, session.run(None, inputs), strict=True))


def check_classes(
    kinds: Client, adaptation: Adaptation, asked: list[bytes] | np.ndarray, folder: Path, **inputs: np.ndarray
) -> None:
    answers = kinds.predict(adaptation.id, asked)
    outputs = run_model(folder, **inputs)
    assert list(outputs) == ["probabilities", "similarity", "unknown"]
    assert json.loads((folder / "labels.json").read_text("utf-8")) == adaptation.classes
    expected = np.array([list(answer.probabilities.values()) for answer in answers])
    assert np.abs(outputs["probabilities"] - expected).max() < 1e-6
    assert outputs["similarity"] == pytest.approx([answer.similarity for answer in answers], abs=1e-6)
    assert outputs["unknown"].dtype == np.bool_
    assert outputs["unknown"].tolist() == [answer.unknown for answer in answers]
    described = json.loads((folder / "input.json").read_text("utf-8"))
    assert (described["adaptation"], described["name"]) == (adaptation.id, adaptation.name)
    assert described["model"] == f"{adaptation.model}:{adaptation.model_version}"
    assert described["unknown_threshold"] == adaptation.unknown_threshold
    [(name, values)] = inputs.items()
    assert (described["input"]["name"], described["input"]["shape"]) == (name, ["n", *values.shape[1:]])


def run_example(folder: Path, *arguments: Path) -> list[list[str]]:
    """What the example prints; where its modules come from is looked at in the same process."""
    watch = (
        "import runpy, sys; sys.argv = sys.argv[1:]; sys.path[0] = '.';"
        "runpy.run_path(sys.argv[0], run_name='__main__');"
        "print(*[f'{n} {m.__file__}' for n, m in sys.modules.items() if n.split('.')[0] in"
        " ('imaml', 'backend', 'torch', 'onnx', 'pydantic', 'safetensors')], sep='\\n', file=sys.stderr)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-c", watch, "example.py", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for line in done.stderr.split("\n")[:-1]:
        name, _, file = line.partition(" ")
        assert not name or (name.startswith("imaml") and (folder / file).resolve().is_relative_to(folder)), (
            line
        )
    plain = subprocess.run(
        [sys.executable, folder / "example.py", *arguments], env=environment, capture_output=True, text=True
    )
    assert (plain.returncode, plain.stdout) == (0, done.stdout), plain.stderr
    return list(csv.reader(done.stdout.splitlines(), delimiter="\t"))


def write(folder: Path, files: list[bytes]) -> list[Path]:
    paths = [folder / f"asked {index}.png" for index in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(file)
    return paths


def check_printed(
    kinds: Client, adaptation: Adaptation, asked: list[bytes] | np.ndarray, printed: list[list[str]]
) -> None:
    answers = kinds.predict(adaptation.id, asked)
    assert [label for _, label, _, _ in printed] == [answer.label for answer in answers]
    assert [float(row[2]) for row in printed] == pytest.approx([a.confidence for a in answers], abs=1e-4)
    assert [row[3] == "unknown" for row in printed] == [answer.unknown for answer in answers]


def test_drawings(kinds: Client, examples: Examples, queries: list[bytes], tmp_path: Path) -> None:
    adaptation = kinds.adapt("small", examples, name="Zeichen – été/1")
    folder = unpacked(kinds, adaptation, tmp_path / "away")
    pixels = Drawings().to_input(Drawings().read(queries))
    check_classes(kinds, adaptation, queries, folder, pixels=pixels)
    printed = run_example(folder, *write(tmp_path, queries))
    check_printed(kinds, adaptation, queries, printed)
    assert printed[0][0].endswith("asked 0.png")


def test_photographs(kinds: Client, tmp_path: Path) -> None:
    adaptation = kinds.adapt("photos", PHOTO_EXAMPLES)
    folder = unpacked(kinds, adaptation, tmp_path / "away")
    seen = Photos(3, 16, 16)
    check_classes(kinds, adaptation, ASKED_PHOTOS, folder, pixels=seen.to_input(seen.read(ASKED_PHOTOS)))
    check_printed(kinds, adaptation, ASKED_PHOTOS, run_example(folder, *write(tmp_path, ASKED_PHOTOS)))


def test_vectors(kinds: Client, tmp_path: Path) -> None:
    adaptation = kinds.adapt("vectors", VECTOR_EXAMPLES)
    folder = unpacked(kinds, adaptation, tmp_path / "away")
    check_classes(kinds, adaptation, ASKED_VECTORS, folder, vectors=ASKED_VECTORS)
    rows = tmp_path / "rows.csv"
    np.savetxt(rows, ASKED_VECTORS, delimiter=",")
    printed = run_example(folder, rows)
    check_printed(kinds, adaptation, ASKED_VECTORS, printed)
    assert [row[0] for row in printed] == [str(index + 1) for index in range(len(ASKED_VECTORS))]
    assert not (folder / "imaml").exists()


def test_regression(kinds: Client, tmp_path: Path) -> None:
    adaptation = kinds.adapt("sines", POINTS, max_steps=20)
    folder = unpacked(kinds, adaptation, tmp_path / "away")
    expected = pytest.approx(kinds.predict_numbers(adaptation.id, ANGLES), abs=1e-6)
    outputs = run_model(folder, vectors=ANGLES)
    assert list(outputs) == ["value"]
    assert outputs["value"].tolist() == expected
    rows = tmp_path / "rows.csv"
    np.savetxt(rows, ANGLES, delimiter=",", fmt="%.9g")
    assert [float(value) for _, value in run_example(folder, rows)] == expected
    assert json.loads((folder / "labels.json").read_text()) == []


def test_what_is_unknown_is_so_without_the_service(
    serve: Serve, sqlite_template: Path, vector_bundle: Bundle, tmp_path: Path
) -> None:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'imaml.db')}"
    calibration = {**CALIBRATION, "distance": 0.02}
    strict = replace(vector_bundle, description={**vector_bundle.description, "calibration": calibration})
    add_model(url, bundles.write(strict), "vectors")
    with serve(Settings(database_url=url)) as address, Client(address) as client:
        adaptation = client.adapt("vectors", VECTOR_EXAMPLES)
        folder = unpacked(client, adaptation, tmp_path / "away")
        check_classes(client, adaptation, ASKED_VECTORS, folder, vectors=ASKED_VECTORS)
        answers = client.predict(adaptation.id, ASKED_VECTORS)
    assert {answer.unknown for answer in answers} == {True, False}


def test_it_is_the_same_each_time(kinds: Client, examples: Examples) -> None:
    adaptation = kinds.adapt("small", examples)
    assert exported(kinds, adaptation) == exported(kinds, adaptation)


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("cats", 'filename="cats.zip"'),
        ("schöne/Katzen", "filename*=UTF-8''sch%C3%B6ne%2FKatzen.zip"),
        (None, 'filename="{id}.zip"'),
    ],
)
def test_file_is_named_for_the_adaptation(kinds: Client, name: str | None, disposition: str) -> None:
    adaptation = kinds.adapt("vectors", VECTOR_EXAMPLES, name=name)
    response = httpx.get(f"{kinds.url}/v1/adaptations/{adaptation.id}/export")
    wanted = f"attachment; {disposition.format(id=adaptation.id)}"
    assert response.headers["content-disposition"] == wanted


def test_unknown_adaptation_is_named(kinds: Client) -> None:
    response = httpx.get(f"{kinds.url}/v1/adaptations/nobody/export")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/unknown-adaptation")


def test_export_is_described(kinds: Client) -> None:
    paths = httpx.get(f"{kinds.url}/openapi.json").json()["paths"]
    answer = paths["/v1/adaptations/{adaptation_id}/export"]["get"]["responses"]["200"]
    assert list(answer["content"]) == ["application/zip"]
