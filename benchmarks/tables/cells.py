"""The cells of the table: methods × settings × seeds, each with the settings that it is trained with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imaml.runtime.recipe import Recipe
from imaml.training.config import TrainingConfig

SETTINGS = ((5, 1), (5, 5), (20, 1), (20, 5))
SEEDS = (0, 1, 2)
META_STEPS, META_BATCH, QUERIES = 600, 4, 5
PRETRAINING_IMAGES = 80  # in each step of the baselines that are trained conventionally

_SHARED = {"inner_steps": 5, "inner_lr": 0.1, "meta_lr": 2e-3, "validate_every": 200}
_PLAIN = {**_SHARED, "head": "plain", "inner_lr": 0.4, "meta_lr": 1e-3}
METHODS: dict[str, dict[str, Any]] = {
    "iMAML, gradient descent": {**_SHARED, "lam": 0.5, "cg_steps": 3},
    "iMAML, first order (no CG)": {**_SHARED, "lam": 0.5, "cg_steps": 0},
    "iMAML, Hessian-free": {
        **_SHARED,
        "inner_solver": "newton_cg",
        "inner_steps": 3,
        "lam": 2.0,
        "cg_steps": 3,
    },
    "MAML": {**_SHARED, "algorithm": "maml"},
    "FOMAML": {**_SHARED, "algorithm": "fomaml"},
    "Reptile": {**_SHARED, "algorithm": "reptile"},
    "MAML, plain head": {**_PLAIN, "algorithm": "maml"},
    "Prototypical network": {**_SHARED, "algorithm": "prototypical", "inner_steps": 0},
}
BASELINES = ("Fine-tuning", "Linear probe, multi-task", "From scratch")
FINE_TUNING = tuple(Recipe("gradient_descent", 30, rate, 0.0) for rate in (0.02, 0.1, 0.5))
"""The recipes among which validation characters choose for each baseline."""

PUBLISHED = {
    "iMAML, gradient descent": (99.16, 99.67, 94.46, 98.69),
    "iMAML, Hessian-free": (99.50, 99.74, 96.18, 99.14),
    "MAML": (98.7, 99.9, 95.8, 98.9),
    "FOMAML": (98.3, 99.2, 89.4, 97.9),
    "Reptile": (97.68, 99.48, 89.43, 97.12),
}
"""Rajeswaran et al. 2019, table 1: transductive, 1200 characters to train on, a plain head."""


@dataclass(frozen=True)
class Cell:
    """One training and its evaluations."""

    method: str
    ways: int
    shots: int
    seed: int

    @property
    def slug(self) -> str:
        """Its name as a file."""
        words = "".join(c if c.isalnum() else " " for c in self.method.lower()).split()
        return f"{'-'.join(words)}-{self.ways}way-{self.shots}shot-seed{self.seed}"

    @property
    def pretraining_steps(self) -> int:
        """Steps of conventional training that see as many images as the meta-steps do."""
        images = META_STEPS * META_BATCH * self.ways * (self.shots + QUERIES)
        return images // PRETRAINING_IMAGES

    def config(self, data: Path, device: str) -> TrainingConfig:
        """The settings of a method's training; for a baseline, those of the data and network alone."""
        settings = METHODS.get(self.method, METHODS["Prototypical network"])
        return TrainingConfig.model_validate(
            {
                "name": self.slug,
                "data": data,
                "ways": self.ways,
                "shots": self.shots,
                "queries": QUERIES,
                "meta_steps": META_STEPS,
                "meta_batch": META_BATCH,
                "seed": self.seed,
                "device": device,
                **settings,
            }
        )


def cells() -> Iterator[Cell]:
    """All of them, one seed after the other."""
    for seed in SEEDS:
        for ways, shots in SETTINGS:
            for method in (*METHODS, *BASELINES):
                yield Cell(method, ways, shots, seed)
