"""Both sides of the comparison compute the same."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from benchmarks import comparators, problem
from benchmarks.peers import plain_loop
from benchmarks.peers.conversion import unpack
from benchmarks.peers.network import query_logits, support_logits
from imaml.nets.predictor import Predictor
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture

WAYS, SHOTS, QUERIES = 3, 2, 1


def setting() -> tuple[Predictor, Tensor, Episodes]:
    predictor = Architecture(filters=3, head="plain", ways=WAYS, size=20).predictor()
    generator = torch.Generator().manual_seed(0)
    theta = predictor.initialise(generator).double()

    def examples(number: int) -> tuple[Tensor, Tensor, Tensor]:
        labels = torch.arange(WAYS).repeat_interleave(number).expand(2, -1)
        images = torch.rand(*labels.shape, 1, 20, 20, generator=generator, dtype=torch.float64)
        return images, torch.nn.functional.one_hot(labels, WAYS).double() / labels.shape[1], labels

    support, support_targets, _ = examples(SHOTS)
    return predictor, theta, Episodes(support, support_targets, *examples(QUERIES))


def test_network_is_ours() -> None:
    predictor, theta, tasks = setting()
    support, targets, query = tasks.support[0], tasks.support_targets[0], tasks.query[0]
    weights = unpack(predictor, theta)
    ours, moments = predictor.support_outputs(theta, support, targets)
    assert_close(support_logits(weights, support), ours)
    assert_close(query_logits(weights, support, query), predictor.query_outputs(theta, query, moments))


def test_plain_loop_computes_our_meta_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    # Strong enough adaptation that no curvature is negative: there ours stops and the loop goes on.
    for module in (problem, comparators):
        monkeypatch.setattr(module, "RATE", 0.2)
        monkeypatch.setattr(module, "LAM", 0.3)
    predictor, theta, tasks = setting()
    theirs = plain_loop.meta_gradient(comparators.work(predictor, theta, tasks))
    mine = comparators.local(problem.implicit(FewShot(predictor)), predictor, theta, tasks).gradient()
    assert_close(theirs[0], mine[0])
    assert comparators.difference(mine, theirs) < 1e-8
