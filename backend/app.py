"""The application, made from its settings."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.concurrency import run_in_threadpool
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.cors import CORSMiddleware

from backend import logs, problems, security, telemetry
from backend.messages import documentation
from backend.metrics import Metrics
from backend.middleware import (
    REQUEST_ID,
    BodyLimit,
    DropAbandoned,
    RequestLog,
    SecurityHeaders,
    request_id,
)
from backend.rates import Rates
from backend.routes import adaptations, experiments, health, inference, jobs, models, predictions
from backend.settings import Settings
from backend.work import retention
from backend.work.engine import Engine
from backend.work.jobs import Worker
from imaml.store import Store, create_engine, new_id

_EXPOSED = (
    *(REQUEST_ID, "Retry-After", "Location", "Preference-Applied", "Content-Disposition"),
    "Inference-Header-Content-Length",
)
_ROUTES = (predictions, inference, adaptations, jobs, models, experiments, health)  # those asked most first


def create_app(settings: Settings | None = None, rates: Rates | None = None) -> FastAPI:
    """Make the application; it opens the database of its settings when it starts. Raises DatabaseError.

    Processes that answer at one address share the rates.
    """
    settings = settings or Settings()
    rates = rates or Rates(settings.max_requests_per_minute)
    logs.configure()
    registry = CollectorRegistry()  # of its own for each application, since a process may make several
    metrics = Metrics(registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        state.database = create_engine(settings.database_url)
        state.store = Store(state.database)
        state.engine = Engine(settings, metrics)
        state.worker = Worker(state.store, state.engine, settings)
        work = (state.worker.run(), retention.sweep(state.store))
        background = [asyncio.create_task(each) for each in work]
        yield
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await run_in_threadpool(state.engine.close)  # those who are cut off meanwhile are told
        state.database.dispose()
        end_telemetry()

    app = FastAPI(lifespan=lifespan, **documentation.ABOUT)
    state = app.state
    state.settings, state.stopping = settings, False
    problems.install(app)
    for routes in _ROUTES:
        app.include_router(routes.router)
    documentation.install(app, settings)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes, seconds=settings.max_body_seconds)
    app.add_middleware(
        AuthenticationMiddleware, backend=security.Keys(settings, rates), on_error=security.refuse
    )
    instrumentator = Instrumentator(registry=registry, excluded_handlers=["/metrics"])
    administrators = [Depends(security.Requires("admin"))]
    instrumentator.instrument(app).expose(app, include_in_schema=False, dependencies=administrators)
    app.add_middleware(DropAbandoned)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
        )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
    app.add_middleware(
        CorrelationIdMiddleware,
        header_name=REQUEST_ID,
        generator=new_id,
        validator=None,
        transformer=request_id,
    )
    end_telemetry = telemetry.install(app)
    return app
