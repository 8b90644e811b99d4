"""Traces for OpenTelemetry: off until its own environment variables say where to send them."""

import os
from collections.abc import Callable
from importlib.util import find_spec

from fastapi import FastAPI

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class TelemetryError(Exception):
    """Traces are wished for and cannot be made; the message is a sentence for the user."""


def is_wanted() -> bool:
    """Say whether the environment names where to send traces. Raises TelemetryError if nothing can."""
    wanted = any(os.environ.get(name) for name in _ENDPOINTS)
    if wanted and find_spec("opentelemetry.instrumentation.fastapi") is None:
        raise TelemetryError(
            f"{' or '.join(_ENDPOINTS)} is set, but OpenTelemetry is not installed; "
            "run: pip install 'imaml[telemetry]'"
        )
    return wanted


def install(app: FastAPI) -> Callable[[], None]:
    """Trace each request, if that is wanted; all else about it is said by OTEL_… variables, as anywhere.

    Return what sends the last traces when the application ends.
    """
    if not is_wanted():
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_SERVICE_NAME", "imaml")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls="healthz,readyz,metrics")
    return provider.shutdown
