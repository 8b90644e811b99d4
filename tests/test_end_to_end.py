"""The whole path: what `imaml evaluate` says of the starter model is what its service does."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from backend.settings import Settings
from imaml import starter, tasks
from imaml.cli import cli
from imaml.client import Client
from imaml.commands.database import open_store
from imaml.tasks.episodes import EpisodeSampler
from tests.services import Serve

EPISODES, QUERIES, SEED = 40, 5, 7


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with the starter model."""
    monkeypatch.delenv("IMAML_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path))
    starter.load(open_store())
    return tmp_path


def test_the_service_scores_on_the_same_episodes_what_the_evaluation_says(
    home: Path, archive: Path, serve: Serve
) -> None:
    options = f"--split all --ways 5 --shots 1 --queries {QUERIES} --episodes {EPISODES} --seed {SEED} --json"
    command = ["evaluate", "starter", "--dataset", "omniglot", "--data", str(archive), *options.split()]
    result = CliRunner().invoke(cli, command, catch_exceptions=False)
    evaluated = json.loads(result.stdout)

    dataset = tasks.load("omniglot", archive)
    files = sorted(archive.glob("images_background/*/*/*.png"))
    sampler = EpisodeSampler(dataset, dataset.class_names, 5, 1, QUERIES, seed=SEED)
    scores = []
    with serve(Settings()) as url, Client(url) as client:
        for episode in sampler.indices(0, EPISODES):
            examples = {f"class {k}": [files[images[0]]] for k, images in enumerate(episode)}
            adaptation = client.adapt("starter", examples)
            answers = client.predict(adaptation.id, [files[i] for images in episode for i in images[1:]])
            right = [f"class {k}" for k in range(5) for _ in range(QUERIES)]
            scores.append(np.mean([a.label == label for a, label in zip(answers, right, strict=True)]))
    assert abs(np.mean(scores) - evaluated["accuracy"]) <= min(evaluated["ci95"], 0.002)


def test_the_starter_model_knows_characters_it_has_never_seen(home: Path) -> None:
    """It was trained on people's handwriting; `glyphs` are drawn by a program."""
    command = "evaluate starter --dataset glyphs --split all --ways 5 --shots 1 --episodes 40 --json"
    result = CliRunner().invoke(cli, command.split(), catch_exceptions=False)
    assert json.loads(result.stdout)["accuracy"] > 0.8


def test_the_starter_model_brings_its_provenance_and_examples_to_try(home: Path, serve: Serve) -> None:
    with open_store().reading() as transaction:
        description = transaction.models.resolve("starter").description
    assert description["dataset"] == "omniglot"
    assert len(description["provenance"]["git_commit"]) == 40
    assert len(description["provenance"]["dataset_fingerprint"]) == 64
    assert description["training"]["algorithm"] == "imaml"
    assert description["parity"] <= 1e-4
    with serve(Settings()) as url, Client(url) as client:
        episode = client.episode("starter", ways=5, shots=1, queries=3, seed=1)
        adaptation = client.adapt("starter", [(image.image, image.label) for image in episode.support])
        answers = client.predict(adaptation.id, [image.image for image in episode.query])
    right = [answer.label == image.label for answer, image in zip(answers, episode.query, strict=True)]
    assert np.mean(right) > 0.6
