"""The outer loop's state and its steps, without a database: θ, Adam and the best θ so far."""

import math
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from imaml.metagrads.method import MetaGradient
from imaml.runtime.recipe import Recipe
from imaml.solvers.status import Status
from imaml.store import Bundle
from imaml.tasks.dataset import Dataset
from imaml.tasks.split import Split
from imaml.training.config import TrainingConfig
from imaml.training.distributed import World, shared_gradient
from imaml.training.errors import TrainingError
from imaml.training.evaluation import Scores, evaluate
from imaml.training.fewshot import FewShot
from imaml.training.inner_loop import query_losses
from imaml.training.learner import Architecture, choose_device, from_bundle
from imaml.training.methods import MethodFactory
from imaml.training.sampling import evaluation_sampler, training_sampler

LAM_LR = 0.03  # of Adam for log λ: a few numbers of order 1, which must go further than θ's
VALIDATION_SEED = 1  # validation sees the same episodes every time and in every run


@dataclass(frozen=True)
class MetaStep:
    """What a meta-step tells: means over its tasks, in all processes."""

    outer_loss: float
    meta_gradient_norm: float
    """Before it is clipped."""
    inner_residual: float
    linear_residual: float
    """0 where the method solves no linear system."""
    negative_curvature: float
    """Share of the tasks whose linear solve met it."""
    lam: float
    inner_losses: list[float]
    """By inner step, of this process's tasks."""
    inner_residuals: list[float]


class Trainer:
    """Meta-trains θ on a split of a data set. Its whole state at a step fits into one checkpoint."""

    def __init__(
        self, config: TrainingConfig, dataset: Dataset, split: Split, world: World | None = None
    ) -> None:
        """Draws θ and sets up the tasks.

        Raises DataError where the data are too few for them, and TrainingError where the settings do not fit
        the data or the machine.
        """
        self.config = config
        self.world = world or World()
        if config.meta_batch < self.world.size:
            raise TrainingError(
                f"--meta-batch {config.meta_batch} has less than one task for each of {self.world.size} "
                "processes; start fewer."
            )
        self.device = choose_device(config.device)
        self.architecture = Architecture.of(config, dataset)
        self.predictor = self.architecture.predictor()
        self.tasks = training_sampler(config, dataset, split.train, self.device)
        self._validation = evaluation_sampler(
            dataset,
            split.validation,
            config.max_ways or config.ways,  # the hardest of a mixture
            config.shots,
            config.queries,
            VALIDATION_SEED,
            self.device,
        )
        self._problem = FewShot(self.predictor)
        self._methods = MethodFactory(config, self._problem)
        theta = self.predictor.initialise(torch.Generator().manual_seed(config.seed))
        self.theta = theta.to(self.device, copy=True).requires_grad_()
        self.log_lam = self._methods.initial_log_lam().to(self.device).requires_grad_()
        self.average = theta.to(self.device, copy=True)
        self.best_theta, self.best_log_lam = theta, self.log_lam.detach().cpu().clone()
        self.best_accuracy = -1.0
        self.step = 0
        self._rates = config.meta_lr, LAM_LR
        self._optimizer = torch.optim.Adam([{"params": [p]} for p in (self.theta, self.log_lam)])

    @property
    def best_recipe(self) -> Recipe:
        """How the best θ adapts: the run's recipe, with the λ that was learned."""
        return self._methods.recipe(self.best_log_lam)

    def start_from(self, bundle: Bundle) -> None:
        """Take over the θ of a stored model. Raises TrainingError where it is of another network."""
        predictor, theta, _ = from_bundle(bundle)
        if predictor.layout != self.predictor.layout:
            raise TrainingError(
                f"--start-from {self.config.start_from} is a model of another network or head; "
                "give the settings that it was trained with."
            )
        with torch.no_grad():
            self.theta.copy_(theta)
            self.average.copy_(theta)
        self.best_theta = theta.clone()

    def advance(self) -> MetaStep:
        """Take one meta-step. Raises TrainingError, with θ as it was, where the gradient is not finite."""
        method = self._methods.method(self.log_lam.detach())
        gradient, means = shared_gradient(
            self.world, method, self.theta, self.tasks, self.step, self.config.meta_batch
        )
        norm = float(torch.linalg.vector_norm(gradient.value))
        if not math.isfinite(norm):
            raise TrainingError(self._why_not_finite(gradient))
        clip = min(1.0, self.config.clip / norm) if norm else 1.0
        self.theta.grad, self.log_lam.grad = gradient.value * clip, gradient.lam_gradient
        decay = 0.5 * (1 + math.cos(math.pi * self.step / self.config.meta_steps))
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * decay
        self._optimizer.step()
        self.step += 1
        weight = min(self.config.average, self.step / (self.step + 10))  # early on θ changes fast
        self.average.lerp_(self.theta.detach(), 1 - weight)
        return MetaStep(
            **means,
            meta_gradient_norm=norm,
            lam=self._methods.recipe(self.log_lam).lam,
            inner_losses=gradient.inner.losses.mean(1).tolist(),
            inner_residuals=gradient.inner.residuals.mean(1).tolist(),
        )

    def validate(self) -> Scores:
        """Score θ (or its average) on the validation episodes, and keep it if it is the best so far."""
        theta, recipe = self.average, self._methods.recipe(self.log_lam)
        scores = evaluate(self._problem, recipe, theta, self._validation, self.config.validation_episodes)
        if scores.accuracy > self.best_accuracy:
            self.best_accuracy = scores.accuracy
            self.best_theta, self.best_log_lam = theta.cpu().clone(), self.log_lam.detach().cpu().clone()
        return scores

    def query_losses(self) -> dict[int, float]:
        """Return the query loss by inner step, on a few validation tasks."""
        recipe = self._methods.recipe(self.log_lam)
        return query_losses(self._problem, recipe, self.average, self._validation)

    def checkpoint(self) -> bytes:
        """The whole state as safetensors."""
        adam = self._optimizer.state_dict()["state"]
        tensors: dict[str, Tensor] = {
            "theta": self.theta.detach(),
            "log_lam": self.log_lam.detach(),
            "average": self.average,
            "best_theta": self.best_theta,
            "best_log_lam": self.best_log_lam,
            "best_accuracy": torch.tensor(self.best_accuracy, dtype=torch.float64),
            "step": torch.tensor(self.step),
            **{
                f"adam.{index}.{name}": value
                for index, state in adam.items()
                for name, value in state.items()
            },
        }
        return save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})

    def restore(self, checkpoint: bytes) -> None:
        """Go on from a checkpoint. Raises TrainingError where it is damaged or of another network."""
        try:
            tensors = load(checkpoint)
            state = {name: tensors[name] for name in ("theta", "log_lam", "average")}
            best = tensors["best_theta"], tensors["best_log_lam"]
            best_accuracy, step = tensors["best_accuracy"].item(), int(tensors["step"].item())
        except (SafetensorError, KeyError) as error:
            raise TrainingError(f"The checkpoint cannot be read ({error}); start the run anew.") from error
        for name, value in state.items():
            mine: Tensor = getattr(self, name)
            if value.shape != mine.shape:
                raise TrainingError(
                    f"The checkpoint has {value.numel()} parameters where this network has {mine.numel()} "
                    f"({name}); resume with the settings the run was started with."
                )
            with torch.no_grad():
                mine.copy_(value)
        self.best_theta, self.best_log_lam = best
        self.best_accuracy, self.step = best_accuracy, step
        adam: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, index, field = name.split(".")
                adam.setdefault(int(index), {})[field] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": adam})

    def _why_not_finite(self, gradient: MetaGradient) -> str:
        broken = int((gradient.inner.status == Status.NON_FINITE).sum())
        where = (
            f"the inner solve of {broken} of {len(gradient.inner.status)} tasks was lost"
            if broken
            else ("the inner solves were sound")
        )
        return (
            f"The meta-gradient is not finite at step {self.step} ({where}); θ is as it was before it, "
            "and the best θ is kept. Lower --inner-lr or --meta-lr, or raise --lam."
        )
