"""How near the exact meta-gradient iMAML and MAML come (Rajeswaran et al. 2019, figure 2a).

Random quadratic tasks in float64, L(φ, D_tr) = φᵀAφ/2 − aᵀφ and L(φ, D_te) = φᵀBφ/2 − bᵀφ with centre θ. Then
φ* = (A + λI)⁻¹(a + λθ), and the meta-gradient is λ(A + λI)⁻¹(Bφ* − b). MAML here differentiates through the
steps of proximal gradient descent, so both methods have that limit.
"""

import math
from functools import partial
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.plot import line_chart
from benchmarks.report import Record, Report
from benchmarks.setting import Setting, cpu_threads
from benchmarks.timing import deciles
from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent

TASKS, SIZE, LAM, CONDITION = 20, 50, 0.1, 100.0
RATE = 1 / (1 + LAM)  # the largest eigenvalue of A is 1
INNER_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CG_STEPS = (0, 1, 2, 5, 10, 20)


class Quadratic(NamedTuple):
    """T tasks."""

    A: Tensor
    a: Tensor
    B: Tensor
    b: Tensor
    place: Tensor
    """The task's row of θ [T, size]: each task has a θ of its own, so that one call differentiates all."""


class QuadraticProblem:
    """The tasks as `imaml.metagrads.problem.Problem` has them, with the task's row of θ for its centre."""

    def centre(self, theta: Tensor, task: Quadratic) -> Tensor:
        """The task's row of θ."""
        return theta[task.place]

    def inner_loss(self, phi: Tensor, task: Quadratic) -> Tensor:
        """L(φ, D_tr)."""
        return phi @ task.A @ phi / 2 - task.a @ phi

    def inner_outputs(self, phi: Tensor, task: Quadratic) -> Tensor:
        """The loss is convex in φ itself."""
        return phi

    def output_curvature(self, outputs: Tensor, task: Quadratic, tangent: Tensor) -> Tensor:
        """A times the tangent."""
        return task.A @ tangent

    def outer_loss(self, phi: Tensor, task: Quadratic) -> Tensor:
        """L(φ, D_te)."""
        return phi @ task.B @ phi / 2 - task.b @ phi


def draw(tasks: int, size: int, seed: int = 0) -> tuple[Tensor, Quadratic]:
    """Random θ [tasks, size] and tasks; eigenvalues from 1 / CONDITION to 1 in random bases."""
    generator = torch.Generator().manual_seed(seed)
    eigenvalues = torch.logspace(-math.log10(CONDITION), 0, size, dtype=torch.float64)

    def random(*shape: int) -> Tensor:
        return torch.randn(tasks, *shape, dtype=torch.float64, generator=generator)

    def definite() -> Tensor:
        basis, _ = torch.linalg.qr(random(size, size))
        return basis * eigenvalues @ basis.mT

    return random(size), Quadratic(definite(), random(size), definite(), random(size), torch.arange(tasks))


def exact(theta: Tensor, tasks: Quadratic) -> Tensor:
    """The meta-gradients [T, size] of the solved proximal problems, in closed form."""
    system = tasks.A + LAM * torch.eye(theta.shape[1], dtype=theta.dtype)
    phi = torch.linalg.solve(system, tasks.a + LAM * theta)
    return LAM * torch.linalg.solve(system, _times(tasks.B, phi) - tasks.b)


def implicit(theta: Tensor, tasks: Quadratic, inner_steps: int, cg_steps: int) -> Tensor:
    """IMAML's meta-gradients [T, size], as the trainer computes them."""
    adaptation = ProximalAdaptation(QuadraticProblem(), GradientDescent(inner_steps, RATE), LAM)
    method = ImplicitGradient(adaptation, ConjugateGradient(cg_steps, tolerance=1e-15))
    return method.solve(theta, tasks).value * len(theta)


def unrolled(theta: Tensor, tasks: Quadratic, inner_steps: int) -> Tensor:
    """MAML's [T, size]: autograd through the steps of proximal gradient descent."""
    theta = theta.clone().requires_grad_()
    phi = theta
    for _ in range(inner_steps):
        phi = phi - RATE * (_times(tasks.A, phi) - tasks.a + LAM * (phi - theta))
    outer_loss = (phi * _times(tasks.B, phi) / 2 - tasks.b * phi).sum()
    (gradient,) = torch.autograd.grad(outer_loss, theta)
    return gradient


def errors(gradients: Tensor, truths: Tensor) -> list[float]:
    """‖gradient − truth‖ / ‖truth‖ of each task, not below what float64 resolves."""
    relative = (gradients - truths).norm(dim=1) / truths.norm(dim=1)
    return relative.clamp_min(torch.finfo(torch.float64).eps).tolist()


def _times(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (matrices @ vectors[..., None])[..., 0]


def run(setting: Setting) -> Report:
    """Median relative errors over random tasks; always on the CPU, where float64 is at home."""
    theta, tasks = draw(TASKS, SIZE)
    truths = exact(theta, tasks)
    methods = {f"iMAML, {steps} CG steps": partial(implicit, cg_steps=steps) for steps in CG_STEPS}
    rows: list[Record] = []
    lines: dict[str, list[tuple[float, float]]] = {name: [] for name in [*methods, "MAML"]}
    for inner_steps in INNER_STEPS:
        setting.say(f"gradient error, {inner_steps} inner steps")
        for name, method in {**methods, "MAML": unrolled}.items():
            with cpu_threads(1):  # small tensors gain nothing from more
                found = errors(method(theta, tasks, inner_steps), truths)
            low, high = deciles(found)
            row = {"method": name, "inner steps": inner_steps}
            rows.append({**row, "relative error": median(found), "10 %": low, "90 %": high})
            lines[name].append((inner_steps, median(found)))
    title = "Relative error of the meta-gradient on random quadratics"
    chart = line_chart(title, "inner steps (gradient descent)", "relative error (median)", lines)
    notes = [
        f"{TASKS} tasks of {SIZE} parameters, λ = {LAM}, the Hessian's eigenvalues {1 / CONDITION:g} to 1, "
        f"inner rate {RATE:.3g}, float64; median over the tasks and its 10–90 % range.",
        "MAML differentiates through the steps of the same proximal gradient descent.",
    ]
    return Report(title, rows, notes, {"gradient_error": chart})
