"""Task adaptation: the inner part of every method, for a whole batch of tasks in one vectorised call."""

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Generic

from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.compiled import CompiledProblem
from imaml.metagrads.gradient_dropout import GradientDropout
from imaml.metagrads.problem import Problem, Task
from imaml.metagrads.strength import LayerStrengths
from imaml.metagrads.vectorised import TaskObjective
from imaml.solvers.objective import InnerSolver, Objective
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class Adaptation(ABC, Generic[Task]):
    """From the centre of each task to its φ, by an inner solver."""

    problem: Problem[Task]
    solver: InnerSolver
    _: KW_ONLY
    autocast: bool = False
    """Losses and gradients of the inner solver in bfloat16; see `TaskObjective`."""
    compiled: CompiledProblem[Task] | None = None
    """The same problem compiled, made once for all batches."""

    def centres(self, theta: Tensor, tasks: Task) -> Tensor:
        """The centre of each task [T, size of φ], differentiable in θ [size of θ]."""
        return vmap(self.problem.centre, (None, 0))(theta, tasks)

    def objective(self, tasks: Task) -> TaskObjective[Task]:
        """L(·, D_tr) of a batch of tasks."""
        return TaskObjective(self.problem, tasks, autocast=self.autocast, compiled=self.compiled)

    @abstractmethod
    def solve(self, centres: Tensor, tasks: Task) -> InnerSolution:
        """Adapt to each of T tasks from its centre [T, size of φ]."""


@dataclass(frozen=True)
class ProximalAdaptation(Adaptation[Task]):
    """φ* = argmin L(φ, D_tr) + ½ Σ λ_j (φ_j − c_j)², c = c(θ, D_tr), as far as the inner solver goes."""

    lam: float | LayerStrengths

    def __post_init__(self) -> None:
        if not isinstance(self.lam, LayerStrengths) and not self.lam > 0:
            raise ValueError(f"lam is {self.lam}; the proximal strength must be above 0")

    def strength(self, size: int) -> float | Tensor:
        """λ as one number, or that of each coordinate of a φ of length `size` [size]."""
        return self.lam.coordinates(size) if isinstance(self.lam, LayerStrengths) else self.lam

    def solve(self, centres: Tensor, tasks: Task) -> InnerSolution:
        """Adapt to each of T tasks from its centre [T, size of φ]."""
        lam = self.strength(centres.shape[-1])
        return self.solver.solve(self.objective(tasks), centres.detach(), lam)


@dataclass(frozen=True)
class PlainDescent(Adaptation[Task]):
    """Steps on L(φ, D_tr) from the centre (λ = 0): that they are few is all that holds φ near it."""

    dropout: GradientDropout | None = field(default=None, kw_only=True)
    """In training alone, for solvers that take one gradient a step."""

    def solve(self, centres: Tensor, tasks: Task) -> InnerSolution:
        """Adapt to each of T tasks from its centre [T, size of φ]."""
        return self.solver.solve(self.objective(tasks), centres.detach(), 0.0)

    def descend(
        self, centres: Tensor, tasks: Task, step: int, first_task: int, differentiable: bool = False
    ) -> InnerSolution:
        """Adapt in training: with the dropout of the tasks from `first_task` on in meta-step `step`.

        A `differentiable` path carries its graph, back to the centres.
        """
        objective: Objective = replace(self.objective(tasks), differentiable=differentiable)
        if self.dropout:
            objective = self.dropout.applied_to(objective, step, first_task)
        return self.solver.solve(objective, centres, 0.0)
