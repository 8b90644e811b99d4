"""Is the service alive, is it ready, what does it allow."""

from fastapi import APIRouter
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from backend import schemas
from backend.dependencies import DatabaseDep, EngineDep, SettingsDep, StoreDep
from backend.problems import Problem
from imaml.runtime import devices
from imaml.store import Model, Store, is_current

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def health() -> schemas.Health:
    """Answer as long as the process runs."""
    return schemas.Health()


@router.get("/readyz")
async def readiness(
    database: DatabaseDep, store: StoreDep, engine: EngineDep, settings: SettingsDep
) -> schemas.Readiness:
    """Tell whether the database is there and current, and whether its newest model can be used."""
    model = await run_in_threadpool(_newest_model, database, store)
    async with engine.model(model.id):
        chosen = devices.choose(settings.device)
        return schemas.Readiness(
            models_loaded=engine.models_loaded, device=chosen.device, device_fallback=chosen.fallback
        )


@router.get("/v1/limits")
async def limits(settings: SettingsDep) -> schemas.Limits:
    """List the limits in force."""
    return schemas.Limits.model_validate(settings, from_attributes=True)


def _newest_model(database: Engine, store: Store) -> Model:
    if not is_current(database):
        raise Problem(
            503, "database-outdated", "The database is not at the newest migration; run `imaml db upgrade`."
        )
    with store.reading() as transaction:
        models = transaction.models.list(limit=1).items
    if not models:
        raise Problem(
            503, "no-model", "No model is stored; run `imaml models import FILE`, or `imaml train`."
        )
    return models[0]
