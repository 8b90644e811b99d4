"""Solvers refuse a hyperparameter that cannot be meant, and name it, its value and its bounds."""

import math
from collections.abc import Callable

import pytest

from imaml.solvers.accelerated import Accelerated
from imaml.solvers.adam import Adam
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.l_bfgs import LBFGS
from imaml.solvers.momentum import Momentum
from imaml.solvers.neumann import Neumann
from imaml.solvers.newton_cg import NewtonCG

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: GradientDescent(-1, 0.1), "steps is -1"),
    (lambda: GradientDescent(5, 0.0), "learning_rate is 0.0"),
    (lambda: GradientDescent(5, math.nan), "learning_rate is nan"),
    (lambda: GradientDescent(5, 0.1, -1e-3), "tolerance is -0.001"),
    (lambda: Accelerated(-1, 0.1), "steps is -1"),
    (lambda: Accelerated(5, 0.0), "learning_rate is 0.0"),
    (lambda: Accelerated(5, 0.1, math.nan), "tolerance is nan"),
    (lambda: Momentum(-1, 0.1), "steps is -1"),
    (lambda: Momentum(5, -0.1), "learning_rate is -0.1"),
    (lambda: Momentum(5, 0.1, 1.0), "momentum is 1.0"),
    (lambda: Momentum(5, 0.1, -0.1), "momentum is -0.1"),
    (lambda: Momentum(5, 0.1, 0.9, math.nan), "tolerance is nan"),
    (lambda: Adam(-1, 0.1), "steps is -1"),
    (lambda: Adam(5, 0.0), "learning_rate is 0.0"),
    (lambda: Adam(5, 0.1, -1.0), "tolerance is -1.0"),
    (lambda: Adam(5, 0.1, beta1=1.0), "beta1 is 1.0"),
    (lambda: Adam(5, 0.1, beta2=-0.5), "beta2 is -0.5"),
    (lambda: Adam(5, 0.1, epsilon=0.0), "epsilon is 0.0"),
    (lambda: NewtonCG(-1), "steps is -1"),
    (lambda: NewtonCG(5, 0), "cg_steps is 0"),
    (lambda: NewtonCG(5, 5, -1.0), "tolerance is -1.0"),
    (lambda: LBFGS(-1), "steps is -1"),
    (lambda: LBFGS(5, 0), "memory is 0"),
    (lambda: LBFGS(5, 5, -1.0), "tolerance is -1.0"),
    (lambda: ConjugateGradient(-1), "steps is -1"),
    (lambda: ConjugateGradient(3, 0.0), "tolerance is 0.0"),
    (lambda: ConjugateGradient(3, math.nan), "tolerance is nan"),
    (lambda: Neumann(-1), "steps is -1"),
    (lambda: Neumann(3, 0.0), "rate is 0.0"),
    (lambda: Neumann(3, 1.0, -1.0), "tolerance is -1.0"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_impossible_hyperparameters_are_refused_with_their_value(
    make: Callable[[], object], words: str
) -> None:
    with pytest.raises(ValueError, match=f"^{words}; it must be "):
        make()
