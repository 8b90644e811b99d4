"""Every inner solver and every linear solver, by name: what the property tests run through."""

from collections.abc import Callable

from imaml.solvers.accelerated import Accelerated
from imaml.solvers.adam import Adam
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.solvers.l_bfgs import LBFGS
from imaml.solvers.momentum import Momentum
from imaml.solvers.neumann import Neumann
from imaml.solvers.newton_cg import NewtonCG
from imaml.solvers.objective import InnerSolver

Make = Callable[[int, float, float], InnerSolver]

FIRST_ORDER: dict[str, Make] = {
    "gradient_descent": GradientDescent,
    "accelerated": Accelerated,
    "momentum": lambda steps, rate, tolerance: Momentum(steps, rate, 0.5, tolerance),
    "adam": lambda steps, rate, tolerance: Adam(steps, 0.3 * rate, tolerance),
}
LINE_SEARCHED: dict[str, Make] = {
    "newton_cg": lambda steps, rate, tolerance: NewtonCG(steps, 4, tolerance),
    "l_bfgs": lambda steps, rate, tolerance: LBFGS(steps, 5, tolerance),
}
INNER = FIRST_ORDER | LINE_SEARCHED
"""Solvers made from steps, learning rate (where they have one) and tolerance."""

LINEAR: dict[str, Callable[[int, float], ConjugateGradient | Neumann]] = {
    "conjugate_gradient": ConjugateGradient,
    "neumann": lambda steps, tolerance: Neumann(steps, 0.4, tolerance),
}
"""Solvers made from steps and tolerance."""
