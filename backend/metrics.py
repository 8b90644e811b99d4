"""What the engine tells Prometheus."""

from contextlib import AbstractContextManager
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge, Histogram

Stage = Literal["decode", "adapt", "store", "predict"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Gauges of the queue and its workers, and seconds by stage of the work."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = _gauge("imaml_engine_waiting", "Work that waits for a worker.", registry)
        self.busy = _gauge("imaml_engine_busy", "Workers at work.", registry)
        self._stages = Histogram(
            "imaml_stage_seconds", "Time by stage.", ["stage"], registry=registry, buckets=_SECONDS
        )

    def stage(self, name: Stage) -> AbstractContextManager[object]:
        """Measure what is done inside."""
        return self._stages.labels(name).time()


def _gauge(name: str, documentation: str, registry: CollectorRegistry) -> Gauge:
    """Make a gauge whose value is the sum over the processes that live."""
    return Gauge(name, documentation, registry=registry, multiprocess_mode="livesum")
