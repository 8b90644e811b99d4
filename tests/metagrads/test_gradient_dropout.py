"""Gradient dropout: noise of mean 1, keyed by where it is used, and in training alone."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from imaml.metagrads.adaptation import PlainDescent
from imaml.metagrads.first_order import FirstOrderGradient
from imaml.metagrads.gradient_dropout import GradientDropout
from imaml.metagrads.reptile import Reptile
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.metagrads.vectorised import TaskObjective
from imaml.solvers.gradient_descent import GradientDescent
from tests.metagrads.registry import smooth

KINDS = pytest.mark.parametrize("noise", ["bernoulli", "gaussian"])


@KINDS
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_the_mean_is_1_and_the_variance_that_of_the_rate(noise: str, rate: float) -> None:
    factors = GradientDropout(rate, noise).factors(torch.empty(2, 50_000), 0, 0, 0)
    assert factors.mean() == pytest.approx(1, abs=0.02)
    assert factors.var() == pytest.approx(rate / (1 - rate), rel=0.03)


def test_bernoulli_drops_the_share_and_scales_the_rest() -> None:
    factors = GradientDropout(0.2).factors(torch.empty(1, 50_000), 0, 0, 0)
    assert factors.unique().tolist() == pytest.approx([0, 1.25])
    assert (factors == 0).float().mean() == pytest.approx(0.2, abs=0.01)


@KINDS
def test_noise_depends_on_seed_step_task_and_inner_step_alone(noise: str) -> None:
    def draw(tasks: int, step: int = 1, first: int = 0, inner: int = 0, seed: int = 0) -> Tensor:
        return GradientDropout(0.5, noise, seed).factors(torch.empty(tasks, 64), step, first, inner)

    together = draw(4)
    assert torch.equal(together, draw(4))
    assert torch.equal(together[2:], draw(2, first=2))
    others = [draw(4, step=2), draw(4, inner=1), draw(4, seed=1), draw(4, first=1)]
    assert not any(torch.equal(together[0], other[0]) for other in others)
    assert not torch.equal(together[0], together[1])


def test_each_inner_step_takes_the_noise_of_its_number() -> None:
    instance = smooth()
    dropout = GradientDropout(0.4, seed=3)
    adaptation = PlainDescent(instance.problem, GradientDescent(3, 0.2), dropout=dropout)
    phi = adaptation.centres(instance.theta, instance.tasks)
    inner = adaptation.descend(phi, instance.tasks, step=7, first_task=2)
    for step in range(3):
        _, gradient = TaskObjective(instance.problem, instance.tasks).value_and_gradient(phi)
        phi = phi - 0.2 * dropout.factors(gradient, 7, 2, step) * gradient
    assert torch.allclose(inner.value, phi, atol=1e-14)


@KINDS
@pytest.mark.parametrize("method", [UnrolledGradient, FirstOrderGradient, Reptile])
def test_a_rate_of_0_changes_nothing_and_another_one_does(method: type, noise: str) -> None:
    instance = smooth()
    plain = PlainDescent(instance.problem, GradientDescent(3, 0.2))
    values = [
        method(replace(plain, dropout=dropout)).solve(instance.theta, instance.tasks, step=1).value
        for dropout in (None, GradientDropout(0.0, noise), GradientDropout(0.3, noise))
    ]
    assert torch.equal(values[0], values[1])
    assert not torch.allclose(values[0], values[2], atol=1e-6)


def test_the_evaluation_drops_nothing() -> None:
    instance = smooth()
    plain = PlainDescent(instance.problem, GradientDescent(3, 0.2))
    centres = plain.centres(instance.theta, instance.tasks)
    dropping = replace(plain, dropout=GradientDropout(0.5))
    solutions = [adaptation.solve(centres, instance.tasks).value for adaptation in (plain, dropping)]
    assert torch.equal(*solutions)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_impossible_rates_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate is"):
        GradientDropout(rate)
