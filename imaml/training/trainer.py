"""The outer loop's state and its steps, without a database: θ, Adam and the best θ so far."""

import math

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient, MetaGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import EpisodeSampler
from imaml.tasks.split import Split
from imaml.training.config import TrainingConfig
from imaml.training.errors import TrainingError
from imaml.training.evaluation import Scores, evaluate
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture, choose_device, inner_solver

VALIDATION_SEED = 1  # validation sees the same episodes every time and in every run


class Trainer:
    """Meta-trains θ on a split of a data set. Its whole state at a step fits into one checkpoint."""

    def __init__(self, config: TrainingConfig, dataset: Dataset, split: Split) -> None:
        """Draws θ and sets up the episodes. Raises DataError where the data are too few for them."""
        self.config = config
        self.device = choose_device(config.device)
        self.architecture = Architecture(config.filters, config.head, config.ways)
        self.predictor = self.architecture.predictor()
        shape = (config.ways, config.shots, config.queries)
        self._episodes = EpisodeSampler(
            dataset, split.train, *shape, seed=config.seed, rotations=True, device=self.device
        )
        self._validation = EpisodeSampler(
            dataset, split.validation, *shape, seed=VALIDATION_SEED, device=self.device
        )
        adaptation = ProximalAdaptation(FewShot(self.predictor), inner_solver(config.recipe), config.lam)
        self._meta_gradient = ImplicitGradient(adaptation, ConjugateGradient(config.cg_steps), config.damping)
        theta = self.predictor.initialise(torch.Generator().manual_seed(config.seed))
        self.theta = theta.to(self.device).requires_grad_()
        self.best_theta = theta.clone()
        self.best_accuracy = -1.0
        self.step = 0
        self._optimizer = torch.optim.Adam([self.theta], config.meta_lr)

    def advance(self) -> MetaGradient:
        """Take one meta-step. Raises TrainingError, with θ as it was, where the gradient is not finite."""
        gradient = self._meta_gradient.solve(
            self.theta, self._episodes.batch(self.step, self.config.meta_batch)
        )
        if not gradient.value.isfinite().all():
            raise TrainingError(
                f"The meta-gradient is not finite at step {self.step}; the best θ so far is kept. "
                "Lower --inner-lr or --meta-lr, or raise --lam."
            )
        decay = 0.5 * (1 + math.cos(math.pi * self.step / self.config.meta_steps))
        self._optimizer.param_groups[0]["lr"] = self.config.meta_lr * decay
        self.theta.grad = gradient.value
        self._optimizer.step()
        self.step += 1
        return gradient

    def validate(self) -> Scores:
        """Score θ on the validation episodes, and keep it if it is the best so far."""
        theta = self.theta.detach()
        scores = evaluate(
            self.predictor, self.config.recipe, theta, self._validation, self.config.validation_episodes
        )
        if scores.accuracy > self.best_accuracy:
            self.best_accuracy, self.best_theta = scores.accuracy, theta.cpu().clone()
        return scores

    def checkpoint(self) -> bytes:
        """The whole state as safetensors."""
        adam = self._optimizer.state_dict()["state"].get(0, {})
        tensors: dict[str, Tensor] = {
            "theta": self.theta.detach(),
            "best_theta": self.best_theta,
            "best_accuracy": torch.tensor(self.best_accuracy, dtype=torch.float64),
            "step": torch.tensor(self.step),
            **{f"adam.{name}": value for name, value in adam.items()},
        }
        return save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})

    def restore(self, checkpoint: bytes) -> None:
        """Go on from a checkpoint. Raises TrainingError where it is damaged or of another network."""
        try:
            tensors = load(checkpoint)
            theta, best_theta = tensors["theta"], tensors["best_theta"]
            best_accuracy, step = tensors["best_accuracy"].item(), int(tensors["step"].item())
        except (SafetensorError, KeyError) as error:
            raise TrainingError(f"The checkpoint cannot be read ({error}); start the run anew.") from error
        if theta.shape != self.theta.shape:
            raise TrainingError(
                f"The checkpoint has {theta.numel()} parameters where this network has {self.theta.numel()}; "
                "resume with the settings the run was started with."
            )
        with torch.no_grad():
            self.theta.copy_(theta)
        self.best_theta, self.best_accuracy, self.step = best_theta, best_accuracy, step
        adam = {
            name.removeprefix("adam."): value for name, value in tensors.items() if name.startswith("adam.")
        }
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": {0: adam} if adam else {}})
