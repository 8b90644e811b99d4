"""Task adaptation: the inner part of every method, for a whole batch of tasks in one vectorised call."""

from dataclasses import dataclass
from typing import Generic

from torch import Tensor
from torch.func import vmap  # pyright: ignore[reportUnknownVariableType]

from imaml.metagrads.problem import Problem, Task
from imaml.metagrads.vectorised import TaskObjective
from imaml.solvers.objective import InnerSolver
from imaml.solvers.solution import InnerSolution


@dataclass(frozen=True)
class ProximalAdaptation(Generic[Task]):
    """φ* = argmin L(φ, D_tr) + λ/2 ‖φ − c(θ, D_tr)‖², as far as the inner solver goes."""

    problem: Problem[Task]
    solver: InnerSolver
    lam: float

    def __post_init__(self) -> None:
        if not self.lam > 0:
            raise ValueError(f"lam is {self.lam}; the proximal strength must be above 0")

    def centres(self, theta: Tensor, tasks: Task) -> Tensor:
        """The centre of each task [T, size of φ], differentiable in θ [size of θ]."""
        return vmap(self.problem.centre, (None, 0))(theta, tasks)

    def solve(self, centres: Tensor, tasks: Task) -> InnerSolution:
        """Adapt to each of T tasks from its centre [T, size of φ]."""
        return self.solver.solve(TaskObjective(self.problem, tasks), centres.detach(), self.lam)
