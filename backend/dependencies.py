"""What routes are given."""

from typing import Annotated

import sqlalchemy
from fastapi import Depends, Query, Request

from backend.engine import Engine
from backend.settings import Settings
from imaml.store import Store


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _database(request: Request) -> sqlalchemy.Engine:
    return request.app.state.database


def _store(request: Request) -> Store:
    return request.app.state.store


def _engine(request: Request) -> Engine:
    return request.app.state.engine


SettingsDep = Annotated[Settings, Depends(_settings)]
DatabaseDep = Annotated[sqlalchemy.Engine, Depends(_database)]
StoreDep = Annotated[Store, Depends(_store)]
EngineDep = Annotated[Engine, Depends(_engine)]

Cursor = Annotated[str | None, Query(max_length=1000, description="The next_cursor of the part before.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items in one answer.")]
