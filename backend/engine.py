"""Work that keeps a core busy, off the event loop; and the models and adaptations that are in memory for it.

The store is the truth: what is not in memory is read from it, so that any process serves any adaptation.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import ParamSpec, TypeVar

from backend import stored
from backend.cache import Cache
from backend.problems import Problem
from backend.settings import Settings
from imaml.runtime.adaptation import Adapted
from imaml.runtime.model import MetaModel
from imaml.store import Adaptation, Model, Store, bundles

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
    def read(cls, data: bytes) -> "LoadedModel":
        """Load the bytes of an `.imaml` file; raises BundleError, GraphError."""
        bundle = bundles.read(data)
        meta = MetaModel.load(bundle.description, bundle.parameters, bundle.graphs, _THREADS_OF_A_MODEL)
        return cls(meta, bundle.examples)


class Engine:
    """A pool of as many threads as cores with a bounded queue, and two bounded caches."""

    def __init__(self, settings: Settings) -> None:
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="engine")
        self._room = settings.workers + settings.max_queue
        self._loading = Lock()
        self._models: Cache[LoadedModel] = Cache(settings.cached_models)
        self._adapted: Cache[Adapted] = Cache(settings.cached_adaptation_bytes)

    @property
    def models_loaded(self) -> int:
        """Number of models in memory."""
        return len(self._models)

    async def run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Wait for a worker to do it; raises Problem where too many wait already."""
        if not self._room:
            raise Problem(
                503,
                "server-full",
                "The service has more work than it can queue; try again in a moment.",
                headers={"Retry-After": "1"},
            )
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, partial(work, *args, **kwargs)
            )
        finally:
            self._room += 1

    async def model(self, store: Store, model: Model) -> LoadedModel:
        """Return the model, ready to use; raises BundleError, GraphError, CorruptBlob."""
        return self._models.get(model.id) or await self.run(self._load_model, store, model)

    async def adapted(self, store: Store, adaptation: Adaptation) -> Adapted:
        """Return the parameters of an adaptation; raises NotFound, CorruptBlob."""
        return self._adapted.get(adaptation.id) or await self.run(self._load_adapted, store, adaptation)

    def remember(self, adaptation_id: str, adapted: Adapted) -> None:
        """Hold the parameters of an adaptation for those who will soon ask."""
        self._adapted.put(adaptation_id, adapted, adapted.phi.nbytes + adapted.moments.nbytes)

    def forget(self, adaptation_id: str) -> None:
        """Let go of an adaptation that was deleted."""
        self._adapted.discard(adaptation_id)

    def close(self) -> None:
        """Wait for the work under way, and stop."""
        self._pool.shutdown(cancel_futures=True)

    def _load_model(self, store: Store, model: Model) -> LoadedModel:
        # Whoever asks for a model that another worker is loading waits for it instead of loading it too.
        with self._loading:
            if (loaded := self._models.get(model.id)) is None:
                with store.reading() as transaction:
                    data = transaction.models.bundle(model)
                loaded = LoadedModel.read(data)
                self._models.put(model.id, loaded)
            return loaded

    def _load_adapted(self, store: Store, adaptation: Adaptation) -> Adapted:
        with store.reading() as transaction:
            data = transaction.adaptations.parameters(adaptation.id)
        adapted = stored.unpack_parameters(data, adaptation)
        self.remember(adaptation.id, adapted)
        return adapted
