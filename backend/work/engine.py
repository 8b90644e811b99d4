"""Work that keeps a core busy, off the event loop; and the models and adaptations that are in memory for it.

The store is the truth: what is not in memory is read from it, so that any process serves any adaptation.
Whoever asks for a model or an adaptation has looked it up for their tenant before.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from threading import Lock
from typing import ParamSpec, TypeVar

from backend import problems
from backend.metrics import Metrics
from backend.settings import Settings
from backend.work import stored
from backend.work.cache import Cache
from imaml.runtime.adaptation import Adapted
from imaml.runtime.devices import Device
from imaml.runtime.graphs import GraphError
from imaml.runtime.model import MetaModel
from imaml.store import Adaptation, BundleError, Store, bundles

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# There are as many workers as cores, and each has a request to itself: more threads would only wait.
_THREADS_OF_A_MODEL = 1


@dataclass(frozen=True)
class LoadedModel:
    """A bundle ready to use."""

    meta: MetaModel
    examples: bytes | None

    @classmethod
    def read(cls, data: bytes, device: Device) -> "LoadedModel":
        """Load the bytes of a stored `.imaml` file; raises GraphError, DeviceError."""
        try:
            bundle = bundles.read(data)
        except BundleError as error:  # which is nothing that whoever asks has sent
            raise GraphError(str(error)) from error
        meta = MetaModel.load(
            bundle.description, bundle.parameters, bundle.graphs, _THREADS_OF_A_MODEL, device
        )
        return cls(meta, bundle.examples)


class Engine:
    """A pool of threads, over all processes one for each core, with a bounded queue; two bounded caches."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.metrics = metrics
        self._device: Device = settings.device
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="engine")
        self._room = settings.workers + settings.max_queue
        self._lock = Lock()
        self._models: Cache[LoadedModel] = Cache(settings.cached_models)
        self._adapted: Cache[Adapted] = Cache(settings.cached_adaptation_bytes, attrgetter("nbytes"))

    @property
    def models_loaded(self) -> int:
        """Number of models in memory."""
        return len(self._models)

    async def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Wait for a worker to do it; raises Problem where too many wait already.

        What nobody waits for any more is dropped before it runs.
        """
        with self._lock:
            if not self._room:
                raise problems.full()
            self._room -= 1
        self.metrics.waiting.inc()
        future = self._pool.submit(self._work, partial(work, *args, **kwargs))
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    @asynccontextmanager
    async def model(self, store: Store, model_id: str) -> AsyncGenerator[LoadedModel]:
        """Hold the model inside, ready to use; raises NotFound, GraphError, DeviceError, CorruptBlob."""
        async with self._models.use(model_id, lambda: self.run(self._load_model, store, model_id)) as loaded:
            yield loaded

    @asynccontextmanager
    async def adapted(self, store: Store, adaptation: Adaptation) -> AsyncGenerator[Adapted]:
        """Hold the parameters of an adaptation inside; raises NotFound, CorruptBlob."""
        key = adaptation.id
        async with self._adapted.use(key, lambda: self.run(_load_adapted, store, adaptation)) as adapted:
            yield adapted

    def remember(self, adaptation_id: str, adapted: Adapted) -> None:
        """Hold the parameters of an adaptation for those who will soon ask."""
        self._adapted.put(adaptation_id, adapted)

    def forget(self, adaptation_id: str) -> None:
        """Let go of an adaptation that was deleted."""
        self._adapted.discard(adaptation_id)

    def close(self) -> None:
        """Take no more work, and wait for what is under way."""
        self._pool.shutdown(cancel_futures=True)

    def _work(self, work: Callable[[], Result]) -> Result:
        self.metrics.waiting.dec()
        with self.metrics.busy.track_inprogress():
            return work()

    def _leave(self, future: Future[Result]) -> None:
        if future.cancelled():  # it never ran
            self.metrics.waiting.dec()
        with self._lock:
            self._room += 1

    def _load_model(self, store: Store, model_id: str) -> LoadedModel:
        with store.reading() as transaction:
            data = transaction.models.bundle(transaction.models.get(model_id))
        return LoadedModel.read(data, self._device)


def _load_adapted(store: Store, adaptation: Adaptation) -> Adapted:
    with store.reading() as transaction:
        data = transaction.adaptations.parameters(adaptation.id)
    return stored.unpack_parameters(data, adaptation)
