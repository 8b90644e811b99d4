"""What is stored outlives the way to the newest migration, back to the first, and there again."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
)

from imaml.store import create_engine, upgrade
from imaml.store.schema import migrations_config

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)

Rows = dict[str, list[dict[str, Any]]]
"""The rows of each table, in order of their primary keys."""


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Engine]:
    """Engine of a database without tables."""
    engine = create_engine(empty_database_url)
    yield engine
    engine.dispose()


def tables_of(engine: Engine) -> MetaData:
    tables = MetaData()
    tables.reflect(engine)
    tables.remove(tables.tables["alembic_version"])
    return tables


def rows_of(engine: Engine) -> Rows:
    with engine.connect() as connection:
        return {
            name: [
                {name: "NaN" if value != value else value for name, value in row.items()}
                for row in connection.execute(table.select().order_by(*table.primary_key)).mappings()
            ]
            for name, table in tables_of(engine).tables.items()
        }


def put(engine: Engine, table_name: str, **values: object) -> None:
    """Insert a row; what it needs beside these values is made up."""
    table = tables_of(engine).tables[table_name]
    made_up = {column.name: _value(column.type) for column in table.columns if not column.nullable}
    with engine.begin() as connection:
        connection.execute(table.insert(), made_up | values)


def _value(of_type: object) -> object:
    match of_type:
        case JSON():
            return {"key": ["ä", 0.1, None]}
        case DateTime():
            return NOW
        case LargeBinary():
            return b"\0\xff"
        case Boolean():
            return True
        case Integer() | Float():
            return 1
        case _:
            return "text"


def fill(engine: Engine) -> None:
    """Rows in every table of the first migration."""
    for content in ("parameters", "examples", "bundle", "checkpoint"):
        put(engine, "blobs", sha256=content)
    put(engine, "experiments", id="run", checkpoint_sha256="checkpoint", error="the disk was full")
    put(engine, "metrics", experiment_id="run", step=1, value=0.5)
    put(engine, "metrics", experiment_id="run", step=2)
    accuracies = {1: (0.5, 0.01), 2: (0.75, 0.02), 3: (math.nan, 0.03), 4: (0.75, 0.04)}
    for step, (accuracy, ci95) in accuracies.items():
        put(engine, "metrics", experiment_id="run", name="validation_accuracy", step=step, value=accuracy)
        put(engine, "metrics", experiment_id="run", name="validation_ci95", step=step, value=ci95)
    put(engine, "models", id="net", experiment_id="run", bundle_sha256="bundle")
    put(engine, "model_aliases", model_id="net")
    put(engine, "evaluations", id="of the run", experiment_id="run", seed=2**40)
    put(engine, "evaluations", id="of the model", model_id="net")
    adapted = partial(put, engine, "adaptations", model_id="net", parameters_sha256="parameters")
    adapted(id="plain", examples_sha256="examples")
    adapted(id="keyed", tenant="a", idempotency_key="key", request_hash="hash of a", expires_at=NOW)
    adapted(id="keyed by another", tenant="b", idempotency_key="key", request_hash="hash of b")


def fill_what_is_new(engine: Engine) -> None:
    """Rows in every table that the newest migration has beside these."""
    put(engine, "api_keys", id="key")
    put(engine, "blobs", sha256="request")
    put(engine, "jobs", id="queued", request_sha256="request")
    put(engine, "jobs", id="queued again", request_sha256="request")
    put(engine, "jobs", id="done", adaptation_id="plain")
    put(engine, "idempotency_records", tenant="a", key="of a job", job_id="done")
    put(engine, "idempotency_records", tenant="a", key="under work")


def moved(first: Rows) -> Rows:
    """What becomes of the rows of the first migration.

    Keys of adaptations have records of their own, experiments their best accuracy.
    """
    columns = ("idempotency_key", "request_hash")
    records = [
        {
            "tenant": row["tenant"],
            "key": row["idempotency_key"],
            "request_hash": row["request_hash"],
            "lease_until": row["created_at"],
            "adaptation_id": row["id"],
            "job_id": None,
            "created_at": row["created_at"],
        }
        for row in first["adaptations"]
        if row["idempotency_key"]
    ]
    adaptations = [
        {name: value for name, value in row.items() if name not in columns} | {"created_by": None}
        for row in first["adaptations"]
    ]
    best = {"best_accuracy": 0.75, "best_accuracy_ci95": 0.02}
    experiments = [row | best for row in first["experiments"]]
    new = {"api_keys": [], "jobs": [], "idempotency_records": sorted(records, key=itemgetter("tenant"))}
    return {**first, "experiments": experiments, "adaptations": adaptations, **new}


def test_rows_outlive_migrations_up_down_and_up(empty: Engine, empty_database_url: str) -> None:
    config = migrations_config(empty_database_url)
    command.upgrade(config, "0001")
    fill(empty)
    tables, first = tables_of(empty), rows_of(empty)
    assert all(first.values())

    upgrade(empty_database_url)
    newest = rows_of(empty)
    assert newest == moved(first)

    fill_what_is_new(empty)
    assert all(rows_of(empty).values())

    command.downgrade(config, "0001")
    with empty.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables) == []
    assert rows_of(empty) == first

    upgrade(empty_database_url)
    assert rows_of(empty) == newest
