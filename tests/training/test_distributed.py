"""One meta-batch over two processes: the same gradient, and a clear end where one of them dies."""

import os
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from imaml.metagrads.adaptation import ProximalAdaptation
from imaml.metagrads.implicit import ImplicitGradient
from imaml.solvers.conjugate_gradient import ConjugateGradient
from imaml.solvers.gradient_descent import GradientDescent
from imaml.tasks.episodes import Episodes
from imaml.training.distributed import World, shared_gradient, world
from imaml.training.errors import TrainingError
from tests.metagrads.smooth import smooth_problem

TASKS = 5  # which two processes cannot share evenly


class Batches:
    """Always the same tasks."""

    def __init__(self, tasks: Episodes) -> None:
        self.tasks = tasks

    def batch(self, step: int, tasks: int, first_task: int = 0) -> Episodes:
        return Episodes(*(part[first_task : first_task + tasks] for part in self.tasks))


def gradient(processes: World) -> tuple[Tensor, dict[str, float]]:
    """The meta-gradient of a float64 problem, as these processes share it."""
    problem, theta, tasks = smooth_problem(TASKS)
    adaptation = ProximalAdaptation(problem, GradientDescent(20, 0.1), lam=1.0)
    method = ImplicitGradient(adaptation, ConjugateGradient(20))
    found, means = shared_gradient(processes, method, theta, Batches(tasks), 0, TASKS)
    return found.value, means


def work(rank: int, port: int, folder: str, dies: bool) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: f"{value}" for name, value in places.items()}, MASTER_ADDR="127.0.0.1")
    with world() as processes:
        value, means = gradient(processes)
        torch.save((value, means), f"{folder}/{rank}.pt")
        if dies:
            if rank == 1:
                os._exit(9)
            try:
                processes.any(False)
            except TrainingError as error:
                Path(folder, "error.txt").write_text(f"{error}")


def run_two(folder: Path, dies: bool) -> list[int | None]:
    """The exit codes of two processes at work."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    spawn = mp.get_context("spawn")
    processes = [spawn.Process(target=work, args=(rank, port, f"{folder}", dies)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def test_two_processes_give_the_gradient_of_one_in_each_of_them(tmp_path: Path) -> None:
    assert run_two(tmp_path, dies=False) == [0, 0]
    value, means = gradient(World())
    for rank in range(2):
        shared, shared_means = torch.load(tmp_path / f"{rank}.pt")
        assert shared.dtype == torch.float64
        assert torch.allclose(shared, value, rtol=1e-12, atol=1e-14)
        assert shared_means == pytest.approx(means, rel=1e-12)


def test_a_process_that_dies_is_named_as_the_cause_with_what_to_do(tmp_path: Path) -> None:
    assert run_two(tmp_path, dies=True) == [0, 9]
    assert "--resume" in (tmp_path / "error.txt").read_text()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_task_is_in_one_share(size: int) -> None:
    shares = [World(rank, size).share(7) for rank in range(size)]
    assert [task for first, count in shares for task in range(first, first + count)] == list(range(7))
    assert max(count for _, count in shares) - min(count for _, count in shares) <= 1


def test_one_process_alone_needs_no_group() -> None:
    with world() as processes:
        assert processes == World()
        assert not dist.is_initialized()
        assert processes.from_leader(b"state") == b"state"
