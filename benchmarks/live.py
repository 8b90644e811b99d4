"""Peak memory of tensors, exactly and the same in every run."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_bytes(work: Callable[[], object], device: torch.device) -> int:
    """The most bytes that tensors made by the work held at one time; on CUDA, that the allocator gave out.

    On the CPU this is counted at every operation from the storages that are alive, since the size of the
    process says more about its allocator's caches. What a kernel needs for itself alone is not seen there.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    with _LiveBytes() as live:
        work()
    return live.peak


class _LiveBytes(TorchDispatchMode):
    """Sees the results of every operation, in backward passes too, and when their storages are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {
            id(part.untyped_storage()) for part in tree_leaves((args, kwargs)) if isinstance(part, Tensor)
        }
        for part in tree_leaves(result):
            if isinstance(part, Tensor) and id(part.untyped_storage()) not in given | self._alive:
                self._born(part.untyped_storage())
        self.peak = max(self.peak, self.now)
        return result

    def _born(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        self._alive.add(key)
        self.now += size
        weakref.finalize(storage, self._freed, key, size)

    def _freed(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.now -= size
