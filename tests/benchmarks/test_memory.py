"""What the memory benchmark counts, and what the implicit gradient promises: memory without the path."""

import pytest
import torch

from benchmarks.live import peak_bytes
from benchmarks.memory import methods
from imaml.tasks.episodes import Episodes
from imaml.training.fewshot import FewShot
from imaml.training.learner import Architecture

CPU = torch.device("cpu")


def test_peak_counts_what_is_alive_at_one_time() -> None:
    def work() -> None:
        a = torch.ones(1000)  # 4,000 bytes
        b = a + 1  # 8,000 in all
        a.add_(b)  # in place: no more
        view = a.reshape(10, 100)[:5]  # neither does a view
        del a, b, view
        torch.ones(500)  # 2,000 when the others are gone

    assert peak_bytes(work, CPU) == 8000


def test_peak_counts_backward_passes() -> None:
    x = torch.ones(1000, requires_grad=True)
    assert peak_bytes(lambda: torch.autograd.grad((x * x).sum(), x), CPU) > 8000


@pytest.fixture(scope="module")
def problem() -> FewShot:
    return FewShot(Architecture(filters=64, head="prototype", ways=2, network="mlp", length=64).predictor())


def episodes() -> Episodes:
    generator = torch.Generator().manual_seed(0)
    support, query = torch.rand(2, 1, 2, 64, generator=generator)
    targets = torch.eye(2)[None] / 2
    return Episodes(support, targets, query, targets, torch.arange(2)[None])


def peak(problem: FewShot, method: str, steps: int) -> int:
    theta = problem.predictor.initialise(torch.Generator().manual_seed(0))
    tasks = episodes()
    return peak_bytes(lambda: methods(problem, steps)[method].solve(theta, tasks), CPU)


def test_memory_of_the_implicit_gradient_does_not_grow_with_the_inner_steps(problem: FewShot) -> None:
    assert peak(problem, "iMAML", 256) <= 1.05 * peak(problem, "iMAML", 8)


def test_memory_of_the_unrolled_path_does(problem: FewShot) -> None:
    assert peak(problem, "MAML", 32) > 2 * peak(problem, "MAML", 8)
