"""The settings of a training run: one model for the command line, for TOML files and for the database."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imaml.runtime.recipe import Recipe

MAX_SEED = 2**63 - 1


class TrainingConfig(BaseModel):
    """Every setting of a run, with its default; the descriptions are the command's help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Name of the experiment and of the model it leaves behind.")
    dataset: Literal["omniglot", "glyphs"] = Field(
        "glyphs", description="Data set to learn from; omniglot where --data is given."
    )
    data: Path | None = Field(None, description="Folder or archive of the data set.")
    algorithm: Literal["imaml"] = Field("imaml", description="Meta-learning method.")
    ways: int = Field(5, ge=2, description="Classes in each training task.")
    shots: int = Field(1, ge=1, description="Support examples of each class.")
    queries: int = Field(5, ge=1, description="Query examples of each class.")
    head: Literal["prototype", "plain"] = Field(
        "prototype", description="Where the head's centre comes from."
    )
    filters: int = Field(64, ge=1, description="Filters of each convolution.")
    inner_solver: Literal["gradient_descent"] = Field("gradient_descent", description="Inner solver.")
    inner_steps: int = Field(16, ge=1, description="Steps of the inner solver.")
    inner_lr: float = Field(0.2, gt=0, description="Rate of the inner solver.")
    lam: float = Field(0.1, gt=0, description="Proximal strength λ.")
    cg_steps: int = Field(5, ge=0, description="Conjugate-gradient steps; 0: the first-order gradient.")
    damping: float = Field(0.0, ge=0, description="Damping η of the linear solve, I + H/(λ + η).")
    meta_steps: int = Field(1000, ge=1, description="Steps of the outer loop.")
    meta_batch: int = Field(16, ge=1, description="Tasks in each meta-step.")
    meta_lr: float = Field(1e-3, gt=0, description="Rate of Adam outside, decayed to 0 by a cosine.")
    device: str = Field("auto", description="auto (a GPU where there is one), cpu or cuda.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of the split, of θ and of the episodes.")
    validate_every: int = Field(100, ge=1, description="Meta-steps between validations.")
    validation_episodes: int = Field(100, ge=2, description="Episodes of each validation.")

    @model_validator(mode="before")
    @classmethod
    def _choose_dataset(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Data that are given are to be learned from."""
        return {"dataset": "omniglot", **given} if given.get("data") else given

    @model_validator(mode="after")
    def _check_data(self) -> Self:
        if self.dataset == "glyphs" and self.data:
            raise ValueError(f"glyphs are drawn by a program and need no --data; leave out {self.data}")
        return self

    @property
    def recipe(self) -> Recipe:
        """How tasks are adapted to, in training and by default in the service."""
        return Recipe(
            solver=self.inner_solver, max_steps=self.inner_steps, inner_lr=self.inner_lr, lam=self.lam
        )
