"""The settings of a training run: one model for the command line, for TOML files and for the database."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imaml.runtime.recipe import Recipe

MAX_SEED = 2**63 - 1
VECTORS = ("table", "clusters", "sinusoid")
MADE = ("glyphs", "clusters", "sinusoid")
IMAGE_FILES = ("folder", "mini-imagenet")


class TrainingConfig(BaseModel):
    """Every setting of a run, with its default; the descriptions are the command's help texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="Name of the experiment and of the model it leaves behind.")

    dataset: Literal["omniglot", "glyphs", "mini-imagenet", "folder", "table", "clusters", "sinusoid"] = (
        Field("glyphs", description="Data set to learn from; omniglot where --data is given.")
    )
    data: Path | None = Field(None, description="Folder, archive or table of the data set.")
    image_size: int = Field(84, ge=8, le=512, description="Side of images in pixels (folder, mini-imagenet).")
    grey: bool = Field(False, description="Take images without their colours (folder, mini-imagenet).")
    augment: bool = Field(False, description="Mirror and shift training images (folder, mini-imagenet).")

    ways: int = Field(5, ge=1, description="Classes in each training task.")
    shots: int = Field(1, ge=1, description="Support examples of each class.")
    queries: int = Field(5, ge=1, description="Query examples of each class.")
    max_ways: int | None = Field(None, ge=2, description="Mix tasks of --ways up to so many classes.")
    max_shots: int | None = Field(None, ge=1, description="Mix tasks of --shots up to so many examples.")

    network: Literal["conv4", "conv4_pool", "resnet12", "mlp"] = Field(
        "conv4", description="Network; mlp for vectors, conv4_pool (max pooling) for photographs."
    )
    head: Literal["prototype", "plain", "masked"] = Field(
        "prototype", description="Where the head's centre comes from."
    )
    filters: int = Field(64, ge=1, description="Filters of a convolution; units of a layer of an mlp.")

    algorithm: Literal["imaml", "maml", "fomaml", "reptile", "prototypical"] = Field(
        "imaml", description="Meta-learning method."
    )
    inner_solver: Literal[
        "gradient_descent", "accelerated", "momentum", "adam", "newton_cg", "hessian_free", "l_bfgs"
    ] = Field("gradient_descent", description="Inner solver; hessian_free is newton_cg.")
    inner_steps: int = Field(16, description="Steps of the inner solver.")
    inner_lr: float = Field(0.2, gt=0, description="Rate of the inner solver.")
    inner_tolerance: float = Field(0.0, ge=0, description="Residual at which an inner solve ends; 0: never.")
    lam: float = Field(0.1, description="Proximal strength λ.")
    learn_lam: Literal["no", "scalar", "layers"] = Field("no", description="Learn λ: one, or one a layer.")
    curvature: Literal["hessian", "gauss_newton"] = Field(
        "hessian", description="Curvature of the linear solve."
    )
    linear_solver: Literal["cg", "neumann"] = Field("cg", description="CG, or a Neumann series.")
    cg_steps: int = Field(5, ge=0, description="Steps of the linear solve; 0: the first-order gradient.")
    damping: float = Field(0.0, ge=0, description="Damping η of the linear solve, I + H/(λ + η).")
    gradient_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of inner gradients dropped (maml, fomaml, reptile)."
    )

    start_from: str | None = Field(None, description="Stored model whose θ to start from; the same network.")
    meta_steps: int = Field(1000, ge=1, description="Steps of the outer loop.")
    meta_batch: int = Field(16, ge=1, description="Tasks in each meta-step.")
    meta_lr: float = Field(1e-3, gt=0, description="Rate of Adam outside, decayed to 0 by a cosine.")
    clip: float = Field(10.0, gt=0, description="Largest norm of a meta-gradient; more is cut.")
    average: float = Field(0.0, ge=0, lt=1, description="Decay of the average of θ that is kept; 0: θ.")

    precision: Literal["float32", "bfloat16"] = Field("float32", description="Arithmetic of the inner loop.")
    compile: bool = Field(False, description="Compile the steps and products (some minutes).")
    minimal_export: bool = Field(
        False, description="Export neither curvature (newton_cg) nor batches (GPUs): a minute less."
    )
    device: str = Field("auto", description="auto (a GPU where there is one), cpu or cuda.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of the split, of θ and of the episodes.")
    validate_every: int = Field(100, ge=1, description="Meta-steps between validations.")
    validation_episodes: int = Field(100, ge=2, description="Episodes of each validation.")

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Settings that follow from others, where they are not given."""
        implied: dict[str, Any] = {"dataset": "omniglot"} if given.get("data") else {}
        dataset = given.get("dataset")
        if dataset in VECTORS:
            implied |= {"network": "mlp"}
        elif dataset in IMAGE_FILES:
            implied |= {"network": "conv4_pool"}
        if dataset == "sinusoid":
            implied |= {"head": "plain", "ways": 1, "shots": 10}
        if given.get("algorithm", "imaml") != "imaml":
            implied |= {"lam": 0.0}
        if given.get("algorithm") == "prototypical":
            implied |= {"inner_steps": 0}
        if given.get("inner_solver") == "hessian_free":
            given = {**given, "inner_solver": "newton_cg"}
        return {**implied, **given}

    @model_validator(mode="after")
    def _check_data(self) -> Self:
        if self.dataset in MADE:
            _refuse(self.data, f"{self.dataset} needs no --data; leave out {self.data}")
        _refuse(
            self.dataset != "sinusoid" and self.ways < 2,
            f"--ways is {self.ways}; it must be 2 or more",
        )
        vectors = self.dataset in VECTORS
        _refuse(
            vectors != (self.network == "mlp"),
            f"--network {self.network} does not take {'vectors' if vectors else 'images'}; leave it out",
        )
        if self.dataset == "sinusoid":
            _refuse(
                (self.ways, self.head) != (1, "plain") or self.max_ways or self.max_shots,
                "sinusoid is regression: it has --ways 1, --head plain, and no mixture",
            )
        _refuse(self.augment and self.dataset not in IMAGE_FILES, "--augment is for photographs")
        return self

    @model_validator(mode="after")
    def _check_tasks(self) -> Self:
        for name, least, most in (("ways", self.ways, self.max_ways), ("shots", self.shots, self.max_shots)):
            _refuse(most and most < least, f"--max-{name} is {most}, less than --{name} {least}")
        _refuse(self.max_ways and self.head == "plain", "--head plain has room for --ways alone; take masked")
        return self

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        implicit = self.algorithm == "imaml"
        if implicit:
            _refuse(not self.lam > 0, f"--lam is {self.lam}; the proximal strength must be above 0")
            _refuse(self.gradient_dropout, "--gradient-dropout does not go with the implicit gradient")
        else:
            _refuse(self.lam, f"--lam {self.lam} does not go with {self.algorithm}; leave it out")
            _refuse(self.learn_lam != "no", f"--learn-lam does not go with {self.algorithm}")
            _refuse(
                self.inner_solver != "gradient_descent",
                f"--inner-solver {self.inner_solver} does not go with {self.algorithm}; leave it out",
            )
        if self.algorithm == "prototypical":
            _refuse(self.inner_steps, "--inner-steps does not go with prototypical, which takes none")
            _refuse(self.head != "prototype", f"--head {self.head} has no prototypes")
        else:
            _refuse(self.inner_steps < 1, f"--inner-steps is {self.inner_steps}; it must be 1 or more")
        return self

    @property
    def recipe(self) -> Recipe:
        """How tasks are adapted to, in training and by default in the service."""
        return Recipe(
            solver=self.inner_solver,
            max_steps=self.inner_steps,
            inner_lr=self.inner_lr,
            lam=self.lam,
            tolerance=self.inner_tolerance,
        )


def _refuse(wrong: object, reason: str) -> None:
    if wrong:
        raise ValueError(reason)
