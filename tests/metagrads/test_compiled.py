"""Compiled steps and products give what the plain ones give, and are compiled once for each shape."""

from dataclasses import replace
from typing import Literal

import pytest
import torch

from imaml.metagrads.adaptation import PlainDescent, ProximalAdaptation
from imaml.metagrads.compiled import CompilationError, CompiledProblem
from imaml.metagrads.implicit import ImplicitGradient
from imaml.metagrads.unrolled import UnrolledGradient
from imaml.nets.losses import CrossEntropy
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.momentum import Momentum
from tests.metagrads.linear import LinearProblem, Table, random
from tests.metagrads.registry import quadratic


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # from within the compiler
def test_compiled_and_plain_agree_and_later_batches_are_not_compiled_again() -> None:
    plain = ProximalAdaptation(LinearProblem(CrossEntropy()), GradientDescent(3, 0.1), 0.5)
    fast = replace(plain, compiled=CompiledProblem(plain.problem))

    def both(seed: int, curvature: Literal["hessian", "gauss_newton"]) -> None:
        tasks = Table(random(2, 5, 3, seed=seed), random(2, 5, 4, seed=seed + 1).softmax(2) / 5)
        expected, result = (
            ImplicitGradient(adaptation, ConjugateGradient(3), curvature=curvature).solve(
                random(12, seed=seed + 2), tasks
            )
            for adaptation in (plain, fast)
        )
        assert torch.allclose(result.inner.value, expected.inner.value, atol=1e-12)
        assert torch.allclose(result.inner.losses, expected.inner.losses, atol=1e-12)
        assert torch.allclose(result.value, expected.value, atol=1e-12)

    both(0, "hessian")
    both(3, "gauss_newton")
    with torch.compiler.set_stance("fail_on_recompile"):
        both(6, "hessian")
        both(9, "gauss_newton")
        objective = fast.objective(Table(random(3, 5, 3), random(3, 5, 4)))
        point = random(3, 12)
        for of_another_shape in (
            lambda: objective.value_and_gradient(point),
            lambda: objective.curvature(point)(point),
            lambda: objective.gauss_newton(point)(point),
        ):
            with pytest.raises(RuntimeError, match="recompile"):
                of_another_shape()


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # from within the compiler
def test_compiled_steps_are_differentiated_as_plain_ones_are() -> None:
    plain = PlainDescent(LinearProblem(CrossEntropy()), Momentum(3, 0.1, 0.5))
    fast = replace(plain, compiled=CompiledProblem(plain.problem))
    theta = random(12)
    tasks = Table(random(2, 5, 3, seed=1), random(2, 5, 4, seed=2).softmax(2) / 5)
    expected, result = (UnrolledGradient(adaptation).solve(theta, tasks) for adaptation in (plain, fast))
    assert torch.allclose(result.inner.value, expected.inner.value, atol=1e-12)
    assert torch.allclose(result.outer_losses, expected.outer_losses, atol=1e-12)
    assert torch.allclose(result.value, expected.value, atol=1e-12)


def test_without_a_compiler_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(CompilationError, match="needs the C\\+\\+ compiler no-such-compiler"):
        CompiledProblem(quadratic().problem)
