"""The application, made from its settings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator

from backend import logs, problems
from backend.engine import Engine
from backend.metrics import Metrics
from backend.middleware import BodyLimit, DropAbandoned, LoopbackOnly, RequestLog
from backend.routes import adaptations, experiments, health, models, predictions
from backend.settings import Settings
from imaml.store import Store, create_engine


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; it opens the database of its settings when it starts. Raises DatabaseError."""
    settings = settings or Settings()
    logs.configure()
    registry = CollectorRegistry()  # of its own for each application, since a process may make several
    metrics = Metrics(registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.settings = settings
        app.state.database = create_engine(settings.database_url)
        app.state.store = Store(app.state.database)
        app.state.engine = Engine(settings, app.state.store, metrics)
        yield
        app.state.engine.close()
        app.state.database.dispose()

    app = FastAPI(
        title="imaml",
        summary="Few-shot learning as a service: classifiers from a handful of examples.",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        responses=problems.RESPONSES,
    )
    problems.install(app)
    for routes in (predictions, adaptations, models, experiments, health):  # those asked most come first
        app.include_router(routes.router)
    instrumentator = Instrumentator(registry=registry, excluded_handlers=["/metrics"])
    instrumentator.instrument(app).expose(app, include_in_schema=False)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(LoopbackOnly)
    app.add_middleware(DropAbandoned)
    app.add_middleware(RequestLog)
    return app
