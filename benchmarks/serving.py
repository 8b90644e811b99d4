"""Our API beside LitServe with the eager PyTorch adaptation: requests a second and how long each takes.

Both get the same images in the same JSON, and take the same steps of gradient descent.
"""

import base64
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks import starter
from benchmarks.adaptation import drawings, peers
from benchmarks.load import Answers, Connection, Request, apply
from benchmarks.peers import eager
from benchmarks.peers.environment import PYTHON, prepare
from benchmarks.report import Record, Report
from benchmarks.service import Server, api, free_port, start
from benchmarks.setting import Setting, cpu_threads
from benchmarks.timing import in_turn, middle_and_tail, quotients, spread, timed
from imaml.runtime.adaptation import adapt
from imaml.runtime.inputs import Drawings
from imaml.runtime.prediction import predict
from imaml.runtime.recipe import Recipe
from imaml.runtime.support import Support
from imaml.store import Bundle
from imaml.training.learner import from_bundle

WAYS, SHOTS = 5, 1
CLIENTS = (1, 4, 16, 64)
TURN_SECONDS = 1.0
PREDICTIONS = 100
"""Inside the engine, in each round."""


def run(setting: Setting) -> Report:
    """A row for each number of clients, adapting and predicting, and one for the engine alone."""
    bundle = starter.bundle()
    recipe = starter.trainers_recipe(bundle)
    support = drawings(WAYS, SHOTS)
    rows: list[Record] = []
    with api(starter.FILE.read_bytes()) as ours, litserve(bundle, recipe, support) as baseline:
        adapt_request = adapting(support, recipe)
        known = Connection(ours.port).json(adapt_request)["id"]
        kinds = {"adaptations": adapt_request, "predictions": predicting(known, support)}
        for kind, request in kinds.items():
            for clients in CLIENTS:
                name = f"{kind}, {clients} client{'s' * (clients > 1)}"
                setting.say(f"serving: {name}")
                sides = {
                    "ours": _Side(ours.port, request, clients),
                    "baseline": _Side(baseline.port, request._replace(path="/predict"), clients),
                }
                rates = in_turn(sides, setting.rounds)
                row: Record = {
                    "benchmark": name,
                    **sides["ours"].columns("ours", rates["ours"]),
                    **sides["baseline"].columns("baseline", rates["baseline"]),
                    **spread("ours / baseline", quotients(rates["ours"], rates["baseline"])),
                }
                rows.append(row)
    setting.say("serving: prediction inside the engine")
    rows.append(_engine(bundle, recipe, support, setting))
    notes = [
        f"Starter model (Conv4-64), {WAYS}-way {SHOTS}-shot, {recipe.max_steps} steps of {recipe.solver}; an "
        f"image of 28 × 28 as PNG in base64 in JSON; {setting.rounds} turns of {TURN_SECONDS:g} s of both "
        "sides, each client sending as soon as it is answered, from a third process.",
        f"ours: `imaml serve` on SQLite, {_workers()} processes, each adaptation stored; baseline: LitServe, "
        f"{_workers()} workers of one thread, PyTorch eager, nothing stored and one adaptation to predict by "
        "that every worker has. Versions in benchmarks/requirements.txt.",
        "1/s: requests that succeeded; 503: the server was full; failures: anything else but success.",
    ]
    return Report("Serving adaptations and predictions", rows, notes)


def adapting(support: Support, recipe: Recipe) -> Request:
    """Adapts to these drawings."""
    examples = [
        {"image": image, "label": support.classes[label]}
        for image, label in zip(_images(support), support.labels.tolist(), strict=True)
    ]
    settings = {name: getattr(recipe, name) for name in ("solver", "max_steps", "inner_lr", "lam")}
    return Request.post("/v1/adaptations", {"model": "starter", "examples": examples, **settings})


def predicting(adaptation_id: str, support: Support) -> Request:
    """Asks what the first drawing is."""
    inputs = [{"image": image} for image in _images(support)[:1]]
    return Request.post(f"/v1/adaptations/{adaptation_id}/predictions", {"inputs": inputs})


@contextmanager
def litserve(bundle: Bundle, recipe: Recipe, support: Support) -> Generator[Server, None, None]:
    """LitServe with the same θ. Raises PeerError, ServiceError where it cannot be had."""
    prepare()
    predictor, theta, _ = from_bundle(bundle)
    job: dict[str, Any] = {
        "theta": peers(predictor, theta),
        "descent": [recipe.max_steps, recipe.inner_lr, recipe.lam],
        "classes": list(support.classes),
        "images": torch.from_numpy(Drawings().to_input(support.examples)),
        "labels": torch.from_numpy(support.labels),
    }
    with TemporaryDirectory() as folder:
        path, port = Path(folder, "job.pt"), free_port()
        torch.save(job, path)
        module = "benchmarks.peers.litserve_server"
        command = [str(PYTHON), "-m", module, str(path), str(port), str(_workers())]
        with start(command, port, "/health", Path(folder)) as server:
            yield server


@dataclass(frozen=True)
class _Side:
    """One server under so many clients."""

    port: int
    request: Request
    clients: int
    answers: list[Answers] = field(default_factory=list[Answers])
    """Turn after turn."""

    def __call__(self) -> float:
        """Requests a second in one turn."""
        answers, rate = apply(self.port, [self.request], self.clients, TURN_SECONDS)
        self.answers.append(answers)
        return rate

    def columns(self, name: str, rates: list[float]) -> dict[str, float]:
        """What is said of it; the first turn does not count, but for what failed in it."""
        seconds = [second for turn in self.answers[1:] for second in turn.seconds]
        return {
            f"{name} (1/s)": median(rates),
            **middle_and_tail(name, seconds),
            f"{name} 503": sum(turn.refused for turn in self.answers),
            f"{name} failures": sum(turn.failures for turn in self.answers),
        }


def _engine(bundle: Bundle, recipe: Recipe, support: Support, setting: Setting) -> Record:
    """One prediction without a server, from the decoded image; one thread on both sides."""
    model, drawing = starter.load(bundle), support.examples[:1]
    predictor, theta, _ = from_bundle(bundle)
    adapted, _ = adapt(model, support, recipe)
    images, labels = (
        torch.from_numpy(model.input.to_input(support.examples)),
        torch.from_numpy(support.labels),
    )
    descent = eager.Descent(recipe.max_steps, recipe.inner_lr, recipe.lam)
    peers_adapted = eager.adapt(peers(predictor, theta), images, labels, descent)
    sides = {
        "ours": timed(lambda: predict(model, adapted, drawing, None), setting.device),
        "baseline": timed(lambda: eager.predict(peers_adapted, images[:1]), setting.device),
    }
    with cpu_threads(1):
        seconds = in_turn(sides, PREDICTIONS * setting.rounds)
    return {
        "benchmark": "a prediction in the engine, from the decoded image",
        **middle_and_tail("ours", seconds["ours"]),
        **middle_and_tail("baseline", seconds["baseline"]),
        **spread("ours / baseline", quotients(seconds["baseline"], seconds["ours"])),
    }


def _images(support: Support) -> list[str]:
    """As files in base64."""
    return [base64.b64encode(Drawings().to_png(drawing)).decode() for drawing in support.examples]


def _workers() -> int:
    """As many as our service has by default."""
    return os.cpu_count() or 1
