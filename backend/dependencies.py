"""What routes are given."""

import re
from collections.abc import Callable
from typing import Annotated, NamedTuple

import sqlalchemy
from fastapi import Depends, Header, Path, Query, Request
from pydantic import AfterValidator

from backend.settings import Settings
from backend.work.answers import RESPOND_ASYNC, Orders
from backend.work.engine import Engine
from imaml.store import Adaptation, Model, NotFound, Store

_ID = "^[0-9a-f]{32}$"


# Asynchronous though they wait for nothing: others are each called in a thread, for a tenth of a millisecond.
async def _settings(request: Request) -> Settings:
    return request.app.state.settings


async def _database(request: Request) -> sqlalchemy.Engine:
    return request.app.state.database


async def _store(request: Request) -> Store:
    return request.app.state.store.of(request.user.tenant)


async def _whole_store(request: Request) -> Store:
    return request.app.state.store


async def _engine(request: Request) -> Engine:
    return request.app.state.engine


def _known_by(kind: str) -> Callable[[str], str]:
    """Make the check that a text can be an id of that kind; any other is one that nothing has."""

    def check(text: str) -> str:
        if not re.fullmatch(_ID, text):
            raise NotFound(kind, text)
        return text

    return check


_IN_PATH = Path(description="32 hexadecimal digits.", json_schema_extra={"pattern": _ID})
AdaptationId = Annotated[str, _IN_PATH, AfterValidator(_known_by("adaptation"))]
ExperimentId = Annotated[str, _IN_PATH, AfterValidator(_known_by("experiment"))]
JobId = Annotated[str, _IN_PATH, AfterValidator(_known_by("job"))]


class Known(NamedTuple):
    """A stored adaptation and its model."""

    adaptation: Adaptation
    model: Model


def resolve_model(store: Store, reference: str) -> Model:
    """Return the model that a reference stands for, or raise NotFound."""
    with store.reading() as transaction:
        return transaction.models.resolve(reference)


SettingsDep = Annotated[Settings, Depends(_settings)]
DatabaseDep = Annotated[sqlalchemy.Engine, Depends(_database)]
StoreDep = Annotated[Store, Depends(_store)]
"""What the caller's tenant sees of the store."""

WholeStoreDep = Annotated[Store, Depends(_whole_store)]
"""For calls that nobody has to show a key for."""

EngineDep = Annotated[Engine, Depends(_engine)]


async def _orders(request: Request, store: StoreDep, engine: EngineDep, settings: SettingsDep) -> Orders:
    return Orders(store, engine, settings, request.app.state.worker, request.user.key_id)


OrdersDep = Annotated[Orders, Depends(_orders)]


async def _later(
    request: Request,
    prefer: Annotated[
        str | None,
        Header(
            alias="Prefer",
            description="With `respond-async` the answer is a job to look at.",
            max_length=1000,
        ),
    ] = None,
) -> bool:
    # Of a header that comes in several lines the framework gives one alone.
    lines = request.headers.getlist("Prefer") if prefer else ()
    preferences = (part.partition(";")[0].strip().lower() for part in ",".join(lines).split(","))
    return RESPOND_ASYNC in preferences


LaterDep = Annotated[bool, Depends(_later)]
"""Whether the caller would rather have a job to look at than wait (RFC 7240)."""


MODEL_IN_PATH = Path(description="An id, a name, name@alias or name:version.")


def _model(model: Annotated[str, MODEL_IN_PATH], store: StoreDep) -> Model:
    return resolve_model(store, model)


def _adaptation(adaptation_id: AdaptationId, store: StoreDep) -> Adaptation:
    with store.reading() as transaction:
        return transaction.adaptations.get(adaptation_id)


def _known(adaptation_id: AdaptationId, store: StoreDep) -> Known:
    with store.reading() as transaction:
        adaptation = transaction.adaptations.get(adaptation_id)
        return Known(adaptation, transaction.models.get(adaptation.model_id))


ModelDep = Annotated[Model, Depends(_model)]
"""The model that the path names."""

AdaptationDep = Annotated[Adaptation, Depends(_adaptation)]
"""The adaptation that the path names."""

KnownDep = Annotated[Known, Depends(_known)]
"""The adaptation that the path names, and its model."""

Cursor = Annotated[str | None, Query(max_length=1000, description="The next_cursor of the part before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items in one answer.")]
