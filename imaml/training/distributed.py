"""One meta-batch over several processes, as `torchrun` starts them: each takes a share of the tasks."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from imaml.metagrads.method import MetaGradient, MetaMethod
from imaml.solvers.status import Status
from imaml.training.errors import TrainingError
from imaml.training.sampling import TrainingSampler


@dataclass(frozen=True)
class World:
    """Where a process stands among those of a run; the default is a run of one."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process keeps the database and talks to the user."""
        return self.rank == 0

    def share(self, tasks: int) -> tuple[int, int]:
        """The part of a meta-batch that is this process's: the first task, and how many."""
        first, end = (tasks * rank // self.size for rank in (self.rank, self.rank + 1))
        return first, end - first

    def total(self, vector: Tensor) -> Tensor:
        """The sum of a vector over all processes, the same in each.

        Raises TrainingError where another process has died.
        """
        if self.size == 1:
            return vector
        vector = vector.clone()
        try:
            dist.all_reduce(vector)
        except RuntimeError as error:
            raise _lost(error) from error
        return vector

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process. Raises TrainingError where another process has died."""
        if self.size == 1:
            return flag
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return bool(self.total(torch.tensor([float(flag)], device=device)).item())

    def from_leader(self, data: bytes | None) -> bytes | None:
        """What the first process has, in each. Raises TrainingError where another process has died."""
        if self.size == 1:
            return data
        box = [data]
        try:
            dist.broadcast_object_list(box)
        except RuntimeError as error:
            raise _lost(error) from error
        return box[0]


def shared_gradient(
    world: World, method: MetaMethod[Any], theta: Tensor, sampler: TrainingSampler, step: int, tasks: int
) -> tuple[MetaGradient, dict[str, float]]:
    """The meta-gradient over all `tasks` of a step, each process solving its share, and means for the log.

    The gradients are those of all tasks, to rounding the same however many processes share them; the rest of
    the MetaGradient is of this process's tasks.
    """
    first, count = world.share(tasks)
    own = method.solve(theta, sampler.batch(step, count, first), step, first)
    means = _means(own)
    lam_gradient = own.value.new_empty(0) if own.lam_gradient is None else own.lam_gradient
    flat = torch.cat([own.value, lam_gradient, torch.stack([*means.values()])])
    value, lam_gradient, rest = world.total(flat * (count / tasks)).split(
        [len(own.value), len(lam_gradient), len(means)]
    )
    gradient = replace(own, value=value, lam_gradient=None if own.lam_gradient is None else lam_gradient)
    return gradient, dict(zip(means, rest.tolist(), strict=True))


def _means(gradient: MetaGradient) -> dict[str, Tensor]:
    inner, linear = gradient.inner, gradient.linear
    zero = gradient.outer_losses.new_zeros(())
    negative = None if linear is None else (linear.status == Status.NEGATIVE_CURVATURE).to(zero.dtype)
    return {
        "outer_loss": gradient.outer_losses.mean(),
        "inner_residual": inner.residual.mean(),
        "linear_residual": zero if linear is None else linear.residual.mean(),
        "negative_curvature": zero if negative is None else negative.mean(),
    }


def _lost(error: RuntimeError) -> TrainingError:
    reason = f"{error}".partition("\n")[0]
    return TrainingError(
        f"Another process of this run has died or cannot be reached ({reason}); "
        "start the same command again with --resume."
    )


@contextmanager
def world() -> Generator[World, None, None]:
    """The processes that torchrun started, joined for as long as the block lasts; else this one alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
