"""A database full of experiments, to see how a dashboard and its service bear them."""

import math
import random
from collections.abc import Iterator

from sqlalchemy import Engine, insert

from imaml.store import Experiment, Store
from imaml.store.tables import MetricValue

POINTS = 1000
METRICS = ("validation_accuracy", "validation_ci95", "validation_accuracy_unadapted", "outer_loss",
           "meta_gradient_norm", "inner_residual", "linear_residual")  # fmt: skip
ROWS_AT_ONCE = 50_000


def fill(engine: Engine, experiments: int, with_curves: int) -> list[str]:
    """Store so many completed experiments, the newest ones with curves of 1,000 points; return their ids.

    The others have their best accuracy alone, as a list shows it. They are the same each time.
    """
    chance = random.Random(0)
    store = Store(engine)
    with store.transaction() as transaction:
        made = [transaction.experiments.add(_experiment(chance, number)) for number in range(experiments)]
        for experiment in made:
            experiment.status, experiment.step = "completed", experiment.total_steps
            experiment.best_accuracy, experiment.best_accuracy_ci95 = chance.uniform(0.5, 0.99), 0.01
    rows: list[dict[str, object]] = []
    with engine.begin() as connection:
        for experiment in made[-with_curves:]:
            rows += _curves(chance, experiment.id, experiment.best_accuracy or 0)
            if len(rows) > ROWS_AT_ONCE or experiment is made[-1]:
                connection.execute(insert(MetricValue), rows)
                rows = []
    return [experiment.id for experiment in made]


def _experiment(chance: random.Random, number: int) -> Experiment:
    algorithm = chance.choice(["imaml", "maml", "fomaml", "reptile", "prototypical"])
    ways, shots = chance.choice([5, 20]), chance.choice([1, 5])
    config = {
        "ways": ways,
        "shots": shots,
        "lam": chance.choice([0.01, 0.1, 1.0]),
        "inner_lr": chance.choice([0.05, 0.1, 0.2]),
        "inner_steps": chance.choice([5, 10, 16]),
        "meta_steps": POINTS,
        "seed": number % 3,
        **{f"setting_{index}": index / 10 for index in range(30)},
    }
    return Experiment(
        name=f"{algorithm}-{ways}w{shots}s-{number}",
        algorithm=algorithm,
        dataset=chance.choice(["omniglot", "glyphs", "mini-imagenet"]),
        config=config,
        provenance={"git_commit": f"{number:040x}", "wall_seconds": 600.0},
        split={part: [f"{part} {index}" for index in range(20)] for part in ("train", "validation", "test")},
        total_steps=POINTS,
        tags=chance.sample(["baseline", "sweep", "paper", "long"], k=chance.randrange(3)),
    )


def _curves(chance: random.Random, experiment_id: str, best: float) -> Iterator[dict[str, object]]:
    for name in METRICS:
        for step in range(1, POINTS + 1):
            value = best * (1 - math.exp(-step / 200)) + abs(chance.gauss(0, 0.01))
            value = 0.01 if name == "validation_ci95" else min(value, 1.0)
            yield {"experiment_id": experiment_id, "name": name, "step": step, "value": value}
