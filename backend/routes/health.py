"""Is the service alive, is it ready, what does it allow."""

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from backend.dependencies import DatabaseDep, EngineDep, SettingsDep, StoreDep, WholeStoreDep
from backend.messages import schemas
from backend.messages.refusals import WORKING, refusals
from backend.problems import Problem, stopping
from backend.security import Requires
from imaml.runtime import devices
from imaml.store import Model, Store, is_current

router = APIRouter(tags=["health"])

NOT_READY = (
    *("internal-error", "database-outdated", "database-unavailable", "no-model", "stopping"),
    *WORKING,
)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", responses=refusals("internal-error", everywhere=False))
async def health() -> schemas.Health:
    """Answer as long as the process runs."""
    return schemas.Health()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses=refusals(*NOT_READY, everywhere=False))
async def readiness(
    request: Request,
    database: DatabaseDep,
    store: WholeStoreDep,
    engine: EngineDep,
    settings: SettingsDep,
) -> schemas.Readiness:
    """Tell whether the database is there and current, and whether its newest model can be used."""
    if request.app.state.stopping:
        raise stopping()
    model = await run_in_threadpool(_newest_model, database, store)
    async with engine.model(store.of(model.tenant), model.id):
        chosen = devices.choose(settings.device)
        return schemas.Readiness(
            models_loaded=engine.models_loaded, device=chosen.device, device_fallback=chosen.fallback
        )


@router.get("/v1/limits", dependencies=[Depends(Requires())], responses=refusals())
def limits(settings: SettingsDep, store: StoreDep) -> schemas.Limits:
    """List the limits in force."""
    limits = schemas.Limits.model_validate(settings, from_attributes=True)
    with store.reading() as transaction:
        if transaction.keys.exist():
            return limits
    return limits.model_copy(update={"max_adaptations": None, "max_requests_per_minute": None})


def _newest_model(database: Engine, store: Store) -> Model:
    if not is_current(database):
        raise Problem(
            503, "database-outdated", "The database is not at the newest migration; run `imaml db upgrade`."
        )
    with store.reading() as transaction:
        model = transaction.models.newest()
    if model is None:
        raise Problem(
            503, "no-model", "No model is stored; run `imaml models import FILE`, or `imaml train`."
        )
    return model
