"""Baselines that tell whether meta-learning pays: conventional and multi-task training.

The nearest prototype is a method of its own (`prototypical`); training from scratch is fine-tuning from a θ
that was drawn and never trained. All of them are scored by `imaml.training.evaluation.evaluate`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imaml.nets.heads import PlainHead
from imaml.nets.network import Network
from imaml.nets.predictor import Predictor
from imaml.tasks.dataset import Dataset
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot


@dataclass(frozen=True)
class LinearProbe(FewShot):
    """Few-shot learning of the last layer alone: features stay those of the centre."""

    def inner_outputs(self, phi: Tensor, task: Episodes) -> Tensor:
        """Outputs on the support set, with no gradient to the network's part of φ."""
        size = self.predictor.network.layout.size
        return super().inner_outputs(torch.cat([phi[:size].detach(), phi[size:]]), task)


def transferred(network: Network, parameters: Tensor, ways: int) -> tuple[Predictor, Tensor]:
    """A predictor of `ways` classes whose last layer starts at zero, and its θ, from a trained network."""
    predictor = Predictor(network, PlainHead(network.features, ways))
    return predictor, torch.cat([parameters, torch.zeros(predictor.head.size)])


@dataclass(frozen=True)
class Pretraining:
    """Supervised training of a network, by Adam with a cosine, on batches of a few images of some classes.

    Conventionally all classes compete in one last layer. As a multi-task network, the classes are parted into
    tasks of `ways` classes once and for all, and only those of a batch's task compete.
    """

    steps: int
    multi_task: bool = False
    ways: int = 20
    examples: int = 4
    learning_rate: float = 1e-3

    def train(
        self,
        network: Network,
        dataset: Dataset,
        classes: Sequence[str],
        seed: int,
        report: Callable[[int, float], None] | None = None,
    ) -> Tensor:
        """The network's parameters after training; `report` hears each step and its loss."""
        positions = {name: index for index, name in enumerate(dataset.class_names)}
        members = [range(*dataset.offsets[positions[name] : positions[name] + 2]) for name in classes]
        tasks = np.random.default_rng(seed).permutation(len(classes))
        tasks = tasks[: len(classes) // self.ways * self.ways].reshape(-1, self.ways)
        predictor = Predictor(network, PlainHead(network.features, len(classes)))
        theta = predictor.initialise(torch.Generator().manual_seed(seed)).requires_grad_()
        optimizer = torch.optim.Adam([theta], self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for step in range(self.steps):
            random = np.random.default_rng([seed, step])
            mixed = random.choice(len(classes), self.ways, replace=False)
            chosen = random.choice(tasks) if self.multi_task else mixed
            images = np.concatenate([random.choice(members[index], self.examples) for index in chosen])
            inputs = torch.from_numpy(dataset.input.to_input(dataset.examples[images]))
            competing = torch.from_numpy(chosen if self.multi_task else np.arange(len(classes)))
            labels = torch.from_numpy(chosen.repeat(self.examples))
            targets = (labels[:, None] == competing).float() / len(labels)
            outputs, _ = predictor.support_outputs(theta, inputs, targets)
            loss = predictor.loss.value(outputs[:, competing], targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if report:
                report(step + 1, loss.item())
        return theta.detach()[: network.layout.size]
