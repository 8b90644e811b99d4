"""Every kind of model goes the whole way: trained, scored, exported to a file, imported and served."""

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from backend.settings import Settings
from imaml.cli import cli
from tests.services import Serve

TINY = (
    *("--queries", "1", "--inner-steps", "2", "--cg-steps", "1", "--meta-batch", "2", "--meta-steps", "2"),
    *("--ways", "2", "--filters", "8", "--inner-lr", "0.05", "--validation-episodes", "2", "--device", "cpu"),
    "--minimal-export",
)

METHODS = {
    "hessian-free": ("--inner-solver", "hessian_free", "--damping", "1"),
    "accelerated": ("--inner-solver", "accelerated"),
    "momentum": ("--inner-solver", "momentum", "--curvature", "gauss_newton"),
    "adam": ("--inner-solver", "adam", "--linear-solver", "neumann"),
    "l-bfgs": ("--inner-solver", "l_bfgs", "--learn-lam", "layers"),
    "maml": ("--algorithm", "maml"),
    "fomaml": ("--algorithm", "fomaml", "--gradient-dropout", "0.2"),
    "reptile": ("--algorithm", "reptile"),
    "prototypical": ("--algorithm", "prototypical", "--inner-steps", "0"),
    "mixture": ("--max-ways", "3", "--max-shots", "2", "--average", "0.9"),
}
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IMAML_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path))
    return tmp_path


def command(*arguments: str) -> str:
    """What the command prints, once it is known that all went well."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def goes_the_whole_way(home: Path, serve: Serve, train: tuple[str, ...], score: tuple[str, ...]) -> "Service":
    command("train", "--name", "small", *TINY, *train)
    scored = json.loads(command("evaluate", "small", *score, "--queries", "1", "--episodes", "2", "--json"))
    assert 0 <= scored["accuracy"] <= 1
    command("models", "export", "small", str(home / "small.imaml"))
    command("models", "import", str(home / "small.imaml"), "--name", "again")
    return Service(serve, f"sqlite:///{home / 'imaml.db'}")


class Service:
    """A running service, asked to learn with the imported model."""

    def __init__(self, serve: Serve, url: str) -> None:
        self._serving = serve(Settings(database_url=url))

    def learns(self, examples: list[dict[str, Any]], queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        with self._serving as address, httpx.Client(base_url=address, timeout=60) as http:
            taught = http.post("/v1/adaptations", json={"model": "again", "examples": examples})
            assert taught.status_code == 201, taught.text
            path = f"/v1/adaptations/{taught.json()['id']}/predictions"
            answered = http.post(path, json={"inputs": queries})
            assert answered.status_code == 200, answered.text
            return answered.json()["predictions"]


def image(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-20, 20, (20, 24, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coloured noise in class folders: twenty classes, three images of each."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(20):
        for index in range(3):
            colour = tuple(COLOURS.values())[number % 3]
            path = root / f"class{number}" / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(image(colour, 10 * number + index))
    return root


@pytest.fixture(scope="session")
def mini_imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in the layout of mini-ImageNet with its split in CSV files."""
    root = tmp_path_factory.mktemp("mini")
    (root / "images").mkdir()
    for part, name in enumerate(("train", "val", "test")):
        rows = [["filename", "label"]]
        for number in range(3 * part, 3 * part + 3):
            for index in range(3):
                file = f"n{number:02d}_{index}.png"
                colour = tuple(COLOURS.values())[number % 3]
                (root / "images" / file).write_bytes(image(colour, 10 * number + index))
                rows.append([file, f"n{number:02d}"])
        with (root / f"{name}.csv").open("w", newline="") as target:
            csv.writer(target).writerows(rows)
    return root


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of four numbers around the mean of their class, of other scales: twenty classes of five."""
    path = tmp_path_factory.mktemp("table") / "vectors.csv"
    random = np.random.default_rng(0)
    with path.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["a", "b", "c", "d", "label"])
        for number in range(20):
            mean = random.normal(0, 1, 4)
            for _ in range(5):
                numbers = (mean + random.normal(0, 0.05, 4)) * (1, 1000, 0.01, 1)
                writer.writerow([*numbers.tolist(), f"class {number}"])
    return path


@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_drawings(
    home: Path, serve: Serve, archive: Path, drawings: dict[str, list[bytes]], method: str
) -> None:
    data = ("--data", str(archive))
    service = goes_the_whole_way(home, serve, (*data, *METHODS[method]), (*data, "--ways", "2"))
    names = sorted(drawings)[:2]
    examples = [{"label": name, "image": encoded(drawings[name][0])} for name in names]
    predictions = service.learns(examples, [{"image": encoded(drawings[name][0])} for name in names])
    assert [prediction["label"] for prediction in predictions] == names


@pytest.mark.parametrize("network", ["conv4_pool", "resnet12"])
def test_photographs(home: Path, serve: Serve, photographs: Path, network: str) -> None:
    train = ("--dataset", "folder", "--data", str(photographs), "--image-size", "16", "--augment")
    score = ("--dataset", "folder", "--data", str(photographs), "--split", "train", "--ways", "2")
    photographed(goes_the_whole_way(home, serve, (*train, "--network", network), score))


def test_mini_imagenet(home: Path, serve: Serve, mini_imagenet: Path) -> None:
    train = ("--dataset", "mini-imagenet", "--data", str(mini_imagenet), "--image-size", "16")
    score = ("--dataset", "mini-imagenet", "--data", str(mini_imagenet), "--ways", "2")
    photographed(goes_the_whole_way(home, serve, (*train, "--algorithm", "fomaml"), score))


def photographed(service: Service) -> None:
    examples = [{"label": name, "image": encoded(image(COLOURS[name], 1))} for name in COLOURS]
    predictions = service.learns(examples, [{"image": encoded(image(c, 2))} for c in COLOURS.values()])
    assert [prediction["label"] for prediction in predictions] == [*COLOURS]


@pytest.mark.parametrize(
    "head", [("prototype",), ("masked", "--max-ways", "3", "--inner-steps", "50", "--inner-lr", "0.5")]
)
def test_vectors(home: Path, serve: Serve, table: Path, head: tuple[str, ...]) -> None:
    data = ("--dataset", "table", "--data", str(table))
    train = (*data, "--head", *head)
    service = goes_the_whole_way(home, serve, train, (*data, "--split", "train", "--ways", "2"))
    with table.open() as file:
        rows = [(row.pop("label"), [float(n) for n in row.values()]) for row in csv.DictReader(file)]
    chosen = [rows[5 * number : 5 * number + 2] for number in (0, 4, 8)]
    examples = [{"label": label, "input": numbers} for (label, numbers), _ in chosen]
    predictions = service.learns(examples, [{"input": numbers} for _, (_, numbers) in chosen])
    assert [prediction["label"] for prediction in predictions] == [label for (label, _), _ in chosen]


def test_regression(home: Path, serve: Serve) -> None:
    train = ("--dataset", "sinusoid", "--ways", "1", "--shots", "10", "--queries", "5", "--algorithm", "maml")
    service = goes_the_whole_way(home, serve, train, ("--dataset", "sinusoid", "--shots", "10"))
    examples = [{"input": [x], "target": 2 * x} for x in (-1.0, 0.0, 1.0)]
    predictions = service.learns(examples, [{"input": [0.5]}])
    assert np.isfinite(predictions[0]["value"])
