"""A small few-shot problem with smooth activations, so that gradients can be compared to the last digits."""

from dataclasses import dataclass

import torch
from torch import Tensor

from imaml.nets.heads import Head, PrototypeHead
from imaml.nets.layout import Layout
from imaml.nets.predictor import Predictor
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot

WAYS, SHOTS, QUERIES, INPUTS = 3, 2, 2, 6


@dataclass(frozen=True)
class SmoothNetwork:
    """One layer, normalised by the support set's weighted moments as Conv4 is, then tanh."""

    features: int = 4

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (INPUTS,)

    @property
    def layout(self) -> Layout:
        return Layout({"weight": (self.features, INPUTS), "scale": (self.features,)})

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs

    def support_features(self, parameters: Tensor, inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        p = self.layout.unpack(parameters)
        x = inputs @ p["weight"].T
        mean = weights @ x
        variance = weights @ (x - mean) ** 2
        moments = torch.stack([mean, variance])
        return self._activate(x, p["scale"], moments), moments

    def query_features(self, parameters: Tensor, inputs: Tensor, moments: Tensor) -> Tensor:
        p = self.layout.unpack(parameters)
        return self._activate(inputs @ p["weight"].T, p["scale"], moments)

    def _activate(self, x: Tensor, scale: Tensor, moments: Tensor) -> Tensor:
        mean, variance = moments
        return torch.tanh(scale * (x - mean) / (variance + 1e-2).sqrt())


def smooth_problem(tasks: int, seed: int = 0, head: Head | None = None) -> tuple[FewShot, Tensor, Episodes]:
    """A problem, a θ and a batch of tasks, in float64; with a prototype head unless another is given."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    network = SmoothNetwork()
    predictor = Predictor(network, head or PrototypeHead(network.features))
    parameters = [random(network.features * INPUTS), random(network.features).exp()]
    theta = torch.cat([*parameters, random(predictor.head.size)])
    means = random(tasks, WAYS, 1, INPUTS)

    def draw(examples: int) -> tuple[Tensor, Tensor, Tensor]:
        images = (means + random(tasks, WAYS, examples, INPUTS)).flatten(1, 2)
        labels = torch.arange(WAYS).repeat_interleave(examples)
        targets = torch.nn.functional.one_hot(labels, WAYS).double() / len(labels)
        return images, targets.expand(tasks, -1, -1), labels.expand(tasks, -1)

    support, support_targets, _ = draw(SHOTS)
    query, query_targets, query_labels = draw(QUERIES)
    return FewShot(predictor), theta, Episodes(support, support_targets, query, query_targets, query_labels)
